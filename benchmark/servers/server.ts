/** A process of its own with one server of each kind, which resume in one way. */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer, type Server } from 'node:tls'
import { resumeSessions, SessionCache, TicketKeys } from 'tls-resumption'
import tlsSessionCache from 'tls-session-cache'
import type { Identity } from '../../fixtures/certificates.ts'
import { type Kind, type Mode, serverOptions } from './kinds.ts'

export interface Listen {
  kind: Kind
  mode: Mode
  ca: string
  identity: Identity
}

export type Request = { listen: Listen[] } | { report: true } | { close: true }

export interface Report {
  /** Microseconds this process has spent on a processor. */
  cpu: number
}

process.on('message', async (request: Request) => {
  if ('listen' in request) process.send?.(await Promise.all(request.listen.map(listen)))
  else if ('report' in request) process.send?.(report())
  else process.disconnect?.()
})
process.on('disconnect', () => process.exit())

function report(): Report {
  const { user, system } = process.cpuUsage()
  return { cpu: user + system }
}

async function listen({ kind, mode, ca, identity }: Listen): Promise<number> {
  const server = createServer({ ...identity, ca, ...serverOptions(kind) }, socket => {
    socket.on('error', () => {}).resume()
  })
  resume(server, kind, mode)
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return (server.address() as AddressInfo).port
}

function resume(server: Server, { mechanism }: Kind, mode: Mode): void {
  if (mode === 'tls-session-cache') tlsSessionCache(server, { maxCachedSessions: 10_000 })
  if (mode !== 'tls-resumption') return
  if (mechanism === 'ids') resumeSessions(server, { sessionCache: new SessionCache() })
  else new TicketKeys().attach(server)
}
