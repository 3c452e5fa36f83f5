/**
 * Servers of a thread among several, which get their connections through one port of the process: by `reusePort`, or
 * posted to them as sockets. Tells of each connection whether it resumed.
 */
import { once } from 'node:events'
import type { AddressInfo, Socket } from 'node:net'
import tls from 'node:tls'
import { parentPort, workerData } from 'node:worker_threads'
import { resumeSessions, SessionCache, TicketKeys } from 'tls-resumption'

export interface OnePortOptions {
  /** Left out: Node alone. */
  name?: string
  options: tls.TlsOptions
  /** Where to listen beside the others; 0 for any port, undefined where sockets are posted. */
  port?: number
}

const { name, options, port }: OnePortOptions = workerData
const server = tls.createServer(options, socket => {
  parentPort?.postMessage(socket.isSessionReused() ? 'resumed' : 'full')
  socket.on('error', () => {})
  socket.end('!')
})
server.on('tlsClientError', () => {})
if (name !== undefined) {
  resumeSessions(server, { sessionCache: new SessionCache({ name }) })
  new TicketKeys({ name }).attach(server)
}
if (port !== undefined) {
  await once(server.listen({ port, host: '127.0.0.1', reusePort: true }), 'listening')
  parentPort?.postMessage((server.address() as AddressInfo).port)
} else {
  parentPort?.on('message', (socket: Socket) => server.emit('connection', socket))
  parentPort?.postMessage(0)
}
