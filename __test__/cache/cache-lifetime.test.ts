import { setTimeout as delay } from 'node:timers/promises'
import test from 'ava'
import { SessionCache } from 'tls-resumption'

const session = Buffer.from('a session')
const DAY = 24 * 60 * 60 * 1000

/** Waits until the key has no session. */
async function expired(cache: SessionCache, key: string): Promise<void> {
  while (cache.has(key)) await delay(2)
}

test('cache lifetime: a session expires after the ttl of the cache', async t => {
  const cache = new SessionCache({ ttl: 20 }).set('peer', session)
  await expired(cache, 'peer')
  t.is(cache.get('peer'), undefined)
  t.is(cache.stats().expirations, 1)
})

test('cache lifetime: a shorter ttl of the session applies', async t => {
  const cache = new SessionCache({ ttl: DAY }).set('short', session, { ttl: 20 }).set('long', session)
  await expired(cache, 'short')
  t.true(cache.has('long'))
})

test('cache lifetime: a longer ttl of the session does not apply', async t => {
  const cache = new SessionCache({ ttl: 20 }).set('peer', session, { ttl: DAY })
  await expired(cache, 'peer')
  t.pass()
})

test('cache lifetime: each ticket of a key has its own ttl', async t => {
  const cache = new SessionCache().add('peer', Buffer.from('long'))
  cache.add('peer', Buffer.from('short'), { ttl: 20 })
  while (cache.get('peer')?.toString() === 'short') await delay(2)
  t.is(cache.get('peer')?.toString(), 'long', 'the newer ticket has expired, the older has not')
})

test('cache lifetime: reading a session does not extend it', async t => {
  const cache = new SessionCache().set('peer', session, { ttl: 20 })
  while (cache.get('peer')) await delay(2)
  t.is(cache.stats().expirations, 1)
})

test('cache lifetime: the background sweep removes expired sessions without any call', async t => {
  const cache = new SessionCache({ sweepInterval: 5 })
  for (let i = 0; i < 80; i++) cache.set(`expired ${i}`, session, { ttl: 10 })
  cache.set('live', session)
  while (cache.size > 1) await delay(2)
  t.is(cache.stats().expirations, 80)
  t.true(cache.has('live'))
})

test('cache lifetime: sweepInterval 0 disables the background sweep', async t => {
  const unswept = new SessionCache({ sweepInterval: 0 }).set('peer', session, { ttl: 1 })
  const swept = new SessionCache({ sweepInterval: 1 })
  while (swept.stats().sweeps < 20) await delay(2)
  t.is(unswept.stats().sweeps, 0)
  t.is(unswept.sweep(), 1, 'a call of sweep removes the session')
})
