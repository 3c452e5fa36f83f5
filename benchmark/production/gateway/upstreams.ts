/** A process with many upstreams of Node alone, which restart and rotate their ticket keys on request. */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import https from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { Identity } from '../../../fixtures/certificates.ts'

export type Request =
  | { listen: number; identity: Identity }
  /** Restarts this number of upstreams. */
  | { restart: number }
  | { rotate: true }
  | { report: true }

export interface Report {
  /** Microseconds of CPU of this process. */
  cpu: number
  full: number
  resumed: number
}

const counts = { full: 0, resumed: 0 }
const servers: https.Server[] = []
const sockets = new Map<https.Server, Set<Socket>>()
let identity: Identity

process.on('message', async (request: Request) => process.send?.(await answer(request)))
process.on('disconnect', () => process.exit())

async function answer(request: Request): Promise<number[] | Report | 'done'> {
  if ('listen' in request) {
    identity = request.identity
    for (let n = 0; n < request.listen; n++) servers.push(await listen(0))
    return servers.map(portOf)
  }
  if ('restart' in request) {
    for (const [index, server] of servers.slice(0, request.restart).entries()) {
      const port = portOf(server)
      const closed = once(server, 'close')
      server.close()
      // Also those that are in their handshake.
      for (const socket of sockets.get(server) ?? []) socket.destroy()
      await closed
      servers[index] = await listen(port)
    }
    return 'done'
  }
  if ('rotate' in request) {
    for (const server of servers) server.setTicketKeys(randomBytes(48))
    return 'done'
  }
  const { user, system } = process.cpuUsage()
  return { cpu: user + system, ...counts }
}

async function listen(port: number): Promise<https.Server> {
  const server = https.createServer(identity, (_, response) => response.end('hello'))
  server.on('secureConnection', socket => {
    counts[socket.isSessionReused() ? 'resumed' : 'full']++
  })
  server.on('tlsClientError', () => {})
  const open = new Set<Socket>()
  sockets.set(server, open)
  server.on('connection', socket => {
    open.add(socket)
    socket.on('close', () => open.delete(socket))
  })
  await once(server.listen(port, '127.0.0.1'), 'listening')
  return server
}

function portOf(server: https.Server): number {
  return (server.address() as AddressInfo).port
}
