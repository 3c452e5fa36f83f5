import tls from 'node:tls'
import type { ExecutionContext } from 'ava'
import { resumeSessions, SessionCache } from 'tls-resumption'
import { RedisTier, type RedisTierOptions } from 'tls-resumption/redis'
import { finish, SSL_OP_NO_TICKET, startServer, type TestServer } from './server.ts'

export const WITH_IDS: tls.TlsOptions = { maxVersion: 'TLSv1.2', secureOptions: SSL_OP_NO_TICKET }

export interface Host extends TestServer {
  tier: RedisTier
  sessionCache: SessionCache
  resumption: Disposable
}

/** A server with a memory of its own, as on another host. */
export async function startHost(
  t: ExecutionContext,
  options: RedisTierOptions,
  serverOptions: tls.TlsOptions = WITH_IDS,
): Promise<Host> {
  const tier = new RedisTier(options)
  const server = await startServer(t, serverOptions)
  // Of one name, as on hosts of a fleet; in one process that would be one memory.
  const sessionCache = Object.defineProperty(new SessionCache(), 'name', { value: 'edge' })
  const resumption = resumeSessions(server.server, { sessionCache, tier })
  return { ...server, tier, sessionCache, resumption }
}

/** A client that may offer a session, and has the one to offer next. Rejects where the connection fails. */
export async function visit({ port, ca }: TestServer, session?: Buffer, options: tls.ConnectionOptions = {}) {
  const socket = tls.connect({ port, ca, host: '127.0.0.1', servername: 'localhost', session, ...options })
  let latest = session
  socket.on('session', made => {
    latest = made
  })
  const { resumed, authorized } = await finish(socket)
  if (!authorized) throw new Error('the connection was not made')
  return { resumed, session: latest }
}
