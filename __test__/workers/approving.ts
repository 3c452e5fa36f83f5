import { parentPort, workerData } from 'node:worker_threads'
import { connect, SessionCache } from 'tls-resumption'
import { finish } from '../support/server.ts'

const { options, name } = workerData
const sessionCache = new SessionCache({ name })
// Unlike the main thread's, but it never objects either.
const socket = connect({ ...options, sessionCache, checkServerIdentity: () => {} })
parentPort?.postMessage(await finish(socket))
