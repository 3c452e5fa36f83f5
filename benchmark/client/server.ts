/** A process with one server of each kind, so that its CPU time is that of the server end. */
import { constants } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer, type Server } from 'node:tls'
import type { Identity } from '../../fixtures/certificates.ts'
import type { Kind } from './kinds.ts'

export interface Listen {
  kind: Kind
  ca: string
  identity: Identity
  how: ServerKind
}

/** `forgetful` issues sessions and accepts none; `ticketless` issues none. */
export type ServerKind = 'plain' | 'forgetful' | 'ticketless'

export type Request = { listen: Listen[] } | { report: true } | { close: true }

export interface Report {
  /** Microseconds of CPU of this process. */
  cpu: number
  /** Full and resumed handshakes of each server. */
  counts: { full: number; resumed: number }[]
}

const servers: Server[] = []
const counts: Report['counts'] = []

process.on('message', async (request: Request) => {
  if ('listen' in request) answer(await Promise.all(request.listen.map(listen)))
  else if ('report' in request) answer(report())
  else process.disconnect?.()
})
process.on('disconnect', () => process.exit())

function answer(message: number[] | Report): void {
  process.send?.(message)
}

function report(): Report {
  const { user, system } = process.cpuUsage()
  return { cpu: user + system, counts }
}

async function listen({ kind, ca, identity, how }: Listen): Promise<number> {
  const count = { full: 0, resumed: 0 }
  const server = createServer({
    ...identity,
    ca,
    minVersion: kind.version,
    maxVersion: kind.version,
    requestCert: kind.clientCertificate,
    rejectUnauthorized: kind.clientCertificate,
    // Without tickets a session is kept in the server's memory, and this server keeps none.
    ...(how === 'forgetful' ? { secureOptions: constants.SSL_OP_NO_TICKET } : {}),
  })
  if (how === 'ticketless') refuseTickets(server)
  server.on('secureConnection', socket => {
    if (socket.isSessionReused()) count.resumed++
    else count.full++
    socket.on('error', () => {})
    socket.pipe(socket)
  })
  servers.push(server)
  counts.push(count)
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return (server.address() as AddressInfo).port
}

/** As `src/node/ticket-key-callback.ts` does for servers that must not resume. */
function refuseTickets(server: Server): void {
  const { context } = (server as unknown as { _sharedCreds: { context: TicketHook } })._sharedCreds
  const [name, mac, cipher] = [Buffer.alloc(16), Buffer.alloc(16), Buffer.alloc(16)]
  context.onticketkeycallback = (_name, iv, isSealing) =>
    isSealing ? [0, mac, cipher, name, iv] : [0, mac, cipher]
  context.enableTicketKeyCallback()
}

interface TicketHook {
  onticketkeycallback(name: Buffer, iv: Buffer, isSealing: boolean): unknown[]
  enableTicketKeyCallback(): void
}
