import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import { connect, SessionCache } from 'tls-resumption'
import { finish, startServer } from '../support/server.ts'

async function eventually(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(20)
}

test('session lifetime: the hint of the peer is a limit', async t => {
  const { port, ca } = await startServer(t, { sessionTimeout: 1 })
  const sessionCache = new SessionCache({ ttl: 3_600_000, sweepInterval: 0 })
  const options = { port, ca, servername: 'localhost', sessionCache }
  await finish(connect(options))
  t.true(sessionCache.size > 0)
  await eventually(() => sessionCache.sweep() >= 0 && sessionCache.size === 0)
  t.is(sessionCache.stats().expirations, sessionCache.stats().sets)
})

test('session lifetime: the ttl of the cache is a limit', async t => {
  const { port, ca } = await startServer(t, { sessionTimeout: 3600 })
  const sessionCache = new SessionCache({ ttl: 50, sweepInterval: 0 })
  await finish(connect({ port, ca, servername: 'localhost', sessionCache }))
  await eventually(() => sessionCache.sweep() >= 0 && sessionCache.size === 0)
  t.is(sessionCache.stats().expirations, sessionCache.stats().sets)
})
