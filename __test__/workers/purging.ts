/** Connects or purges on request and posts the outcome. */
import { parentPort, workerData } from 'node:worker_threads'
import { connect, purge, SessionCache } from 'tls-resumption'
import { finish } from '../support/server.ts'

const { name, options } = workerData
const sessionCache = new SessionCache({ name })
parentPort?.on('message', async (what: 'connect' | 'purge') => {
  if (what === 'purge') purge({ host: 'localhost' })
  parentPort?.postMessage(what === 'purge' ? 'done' : await finish(connect({ ...options, sessionCache })))
})
