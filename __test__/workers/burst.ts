/** Connects as often as a message says and posts the outcomes. `timeless` stops the long timers of this thread. */
import { once } from 'node:events'
import { parentPort, workerData } from 'node:worker_threads'
import { connect, SessionCache } from 'tls-resumption'
import { withoutTimers } from '../support/fake-timers.ts'
import { finish } from '../support/server.ts'

const { name, timeless, ...options } = workerData
if (timeless) withoutTimers()
const sessionCache = new SessionCache({ name })
parentPort?.postMessage('ready')
parentPort?.on('message', async (count: number) => {
  const sockets = Array.from({ length: count }, () => connect({ ...options, sessionCache }))
  for (const socket of sockets) once(socket, 'connect').then(() => parentPort?.postMessage('connected'))
  parentPort?.postMessage(await Promise.all(sockets.map(finish)))
})
