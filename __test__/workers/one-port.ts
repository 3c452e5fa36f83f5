/**
 * A server in one of several threads that share one port: by `reusePort`, or by sockets that the main thread posts. Posts the
 * kind of each handshake.
 */
import { once } from 'node:events'
import type { AddressInfo, Socket } from 'node:net'
import tls from 'node:tls'
import { parentPort, workerData } from 'node:worker_threads'
import { resumeSessions, SessionCache, TicketKeys } from 'tls-resumption'

export interface OnePortOptions {
  /** The name of cache and ring. Without it the server uses plain Node. */
  name?: string
  options: tls.TlsOptions
  /** The port to share, 0 for any port, or undefined if sockets are posted. */
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
