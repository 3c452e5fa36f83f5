/** Connects once with a `checkServerIdentity` that never rejects, and posts the outcome. */
import { parentPort, workerData } from 'node:worker_threads'
import { connect, SessionCache } from 'tls-resumption'
import { finish } from '../support/server.ts'

const { options, name } = workerData
const sessionCache = new SessionCache({ name })
// Another function than that of the main thread, but it never rejects either.
const socket = connect({ ...options, sessionCache, checkServerIdentity: () => {} })
parentPort?.postMessage(await finish(socket))
