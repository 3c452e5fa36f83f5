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

/** Starts a server with a cache that no other server shares, as on another host. */
export async function startHost(
  t: ExecutionContext,
  options: RedisTierOptions,
  serverOptions: tls.TlsOptions = WITH_IDS,
): Promise<Host> {
  const tier = new RedisTier(options)
  const server = await startServer(t, serverOptions)
  // All hosts of a fleet use one name. In one process that would be one memory, so only the property is set.
  const sessionCache = Object.defineProperty(new SessionCache(), 'name', { value: 'edge' })
  const resumption = resumeSessions(server.server, { sessionCache, tier })
  return { ...server, tier, sessionCache, resumption }
}

/** Connects with plain Node, and with a session if given. Returns the session for the next connection. */
export async function visit({ port, ca }: TestServer, session?: Buffer, options: tls.ConnectionOptions = {}) {
  const socket = tls.connect({ port, ca, host: '127.0.0.1', servername: 'localhost', session, ...options })
  let latest = session
  socket.on('session', made => {
    latest = made
  })
  const { resumed, authorized } = await finish(socket)
  if (!authorized) throw new Error('the peer was not authorized')
  return { resumed, session: latest }
}
