/** A service with servers and clients of TLS, whose metrics are all in use. */
import { constants, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo, Server } from 'node:net'
import tls from 'node:tls'
import type { Redis } from 'ioredis'
import { register } from 'prom-client'
import { connect, resumeSessions, SessionCache, TicketKeys } from 'tls-resumption'
import { collect } from 'tls-resumption/metrics'
import { RedisTier } from 'tls-resumption/redis'
import { connectTo, type Scope, startStore } from '../../__test__/support/store.ts'
import { createAuthority } from '../../fixtures/certificates.ts'

export interface Service {
  metricsPort: number
  /** Makes connections of each kind: full, resumed, failed, and some that wait for the session of another one. */
  use(): Promise<void>
}

/** Starts the service, and ends it with the scope. */
export async function startService(scope: Scope): Promise<Service> {
  const collecting = collect(register, { maxPeers: 2 })
  scope.teardown(() => collecting[Symbol.dispose]())
  const store = await startStore(scope)
  const client = (await connectTo(scope, 'ioredis', store.port)) as Redis
  const tier = new RedisTier({ client, keys: [randomBytes(32)], timeout: 5000 })
  const { cert: ca, issue } = await createAuthority({ algorithm: 'ecdsa' })
  const identity = await issue({ usage: 'server', commonName: 'localhost', dnsNames: ['localhost'] })
  const listen = async (server: Server) => {
    scope.teardown(() => server.close())
    await once(server.listen(0, '127.0.0.1'), 'listening')
    return (server.address() as AddressInfo).port
  }
  const startServer = (options: tls.TlsOptions = {}) =>
    tls
      .createServer({ ...identity, ...options }, socket => {
        socket.on('error', () => {}).end('!')
      })
      .on('tlsClientError', () => {})

  const withTickets = startServer()
  const keys = new TicketKeys({ name: 'service', tier })
  scope.teardown(() => keys[Symbol.dispose]())
  keys.attach(withTickets)
  const withIds = startServer({ maxVersion: 'TLSv1.2', secureOptions: constants.SSL_OP_NO_TICKET })
  const sessionCache = new SessionCache()
  resumeSessions(withIds, { sessionCache, tier })
  const ports = [await listen(withTickets), await listen(withIds)]

  const visit = async (port: number, options: tls.ConnectionOptions = { ca }) => {
    const socket = connect({ host: '127.0.0.1', servername: 'localhost', port, ...options })
    const closed = new Promise(resolve => socket.once('close', resolve))
    socket.on('error', () => {}).resume()
    await closed
  }
  const metrics = http.createServer(async (_request, response) => {
    response.setHeader('content-type', register.contentType).end(await register.metrics())
  })
  return {
    metricsPort: await listen(metrics),
    async use() {
      for (const port of ports) {
        for (let n = 0; n < 3; n++) await visit(port)
        // It does not trust the server.
        await visit(port, {})
      }
      // Only the second tier has them then.
      sessionCache.clear()
      for (const port of ports) await visit(port)
      // All but one wait for its session.
      const fresh = await listen(startServer())
      await Promise.all(Array.from({ length: 16 }, () => visit(fresh)))
    },
  }
}
