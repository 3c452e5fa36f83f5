/** Connects, and computes as long as a message says as soon as the transport is connected. Posts how long it took. */
import { once } from 'node:events'
import { parentPort, workerData } from 'node:worker_threads'
import { connect, SessionCache } from 'tls-resumption'

const { name, ...options } = workerData
const sessionCache = name === undefined ? null : new SessionCache({ name })
parentPort?.postMessage('ready')
parentPort?.on('message', async ({ port, computes }: { port: number; computes: number }) => {
  const start = performance.now()
  const socket = connect({ ...options, port, sessionCache })
  socket.once('connect', () => {
    parentPort?.postMessage('connected')
    const until = performance.now() + computes
    while (performance.now() < until);
  })
  await once(socket, 'secureConnect')
  parentPort?.postMessage(performance.now() - start)
  socket.resume()
})
