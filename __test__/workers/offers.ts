/** Connects one after the other to a port, and posts for each whether it resumed, or the code of its error. */
import { parentPort, workerData } from 'node:worker_threads'
import { connect, SessionCache } from 'tls-resumption'
import { outcome } from '../support/outcome.ts'

const { count, name, ...options } = workerData
const sessionCache = new SessionCache({ name })
const results: string[] = []
for (let n = 0; n < count; n++) {
  const { resumed, refused } = await outcome(connect({ ...options, sessionCache }))
  results.push(refused ?? (resumed ? 'resumed' : 'full'))
}
parentPort?.postMessage(results)
