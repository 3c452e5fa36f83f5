import { setTimeout as delay } from 'node:timers/promises'
import test from 'ava'
import { SessionCache } from 'tls-resumption'

const session = Buffer.from('a session')

/**
 * A cache that nobody sweeps by the clock, with `count` sessions that have expired and are still in
 * memory. One session more, stored after them, has told when.
 */
async function cacheOfExpired(count: number): Promise<SessionCache> {
  const cache = new SessionCache({ sweepInterval: 0 })
  for (let i = 0; i < count; i++) cache.set(`expired ${i}`, session, { ttl: 10 })
  cache.set('probe', session, { ttl: 10 })
  while (cache.has('probe')) await delay(2)
  return cache
}

test('sweep removes what has expired, nothing else, and tells how many that were', async t => {
  const cache = await cacheOfExpired(50)
  cache.set('live', session)
  const held = cache.size
  t.is(cache.sweep(), held - 1)
  t.is(cache.size, 1)
  t.true(cache.has('live'))
  t.is(cache.sweep(), 0)
  t.is(cache.stats().expirations, 51)
  t.is(cache.stats().sweeps, 2)
})

test('a sweep is thorough however many have expired', async t => {
  const cache = new SessionCache({ sweepInterval: 0 })
  for (let i = 0; i < 5000; i++) cache.set(`expired ${i}`, session, { ttl: 100 })
  cache.set('probe', session, { ttl: 100 })
  while (cache.has('probe')) await delay(2)
  cache.sweep()
  t.is(cache.size, 0)
  t.is(cache.bytes, 0)
})

test('every hundredth session stored sweeps', async t => {
  const cache = await cacheOfExpired(50)
  for (let i = cache.stats().sets; i < 99; i++) cache.set(`live ${i}`, session)
  t.is(cache.stats().sweeps, 0)
  t.true(cache.size >= 50 + 48, 'without a sweep, what has expired is still in memory')

  cache.add('the hundredth', session)
  t.is(cache.stats().sweeps, 1)
  t.is(cache.size, 49)

  for (let i = 0; i < 100; i++) cache.set('the same key again', session)
  t.is(cache.stats().sweeps, 2)
})

test('the background sweep removes what has expired without any call', async t => {
  const cache = new SessionCache({ sweepInterval: 5 })
  for (let i = 0; i < 80; i++) cache.set(`expired ${i}`, session, { ttl: 10 })
  cache.set('live', session)
  while (cache.size > 1) await delay(2)
  const { expirations, sweeps, bytes } = cache.stats()
  t.is(expirations, 80)
  t.true(sweeps > 0)
  t.is(bytes, session.length)
  t.true(cache.has('live'))
})

test('the background sweep goes on for as long as the cache is open', async t => {
  const cache = new SessionCache({ sweepInterval: 1 })
  for (let round = 0; round < 5; round++) {
    cache.set('peer', session, { ttl: 1 })
    while (cache.size > 0) await delay(1)
  }
  t.is(cache.stats().expirations, 5)
})

test('each cache is swept at its own interval', async t => {
  const [rare, often] = [
    new SessionCache({ sweepInterval: 2 ** 31 - 1 }),
    new SessionCache({ sweepInterval: 2 }),
  ]
  const later = new SessionCache({ sweepInterval: 2 })
  for (const cache of [rare, often, later]) cache.set('peer', session, { ttl: 1 })
  while (often.size + later.size > 0) await delay(2)
  t.is(rare.size, 1)
  t.is(rare.stats().sweeps, 0)
})

test('without a sweepInterval nothing is swept in the background', async t => {
  const unswept = new SessionCache({ sweepInterval: 0 }).set('peer', session, { ttl: 1 })
  const swept = new SessionCache({ sweepInterval: 1 })
  while (swept.stats().sweeps < 20) await delay(2)
  t.is(unswept.stats().sweeps, 0)
  t.is(unswept.size, 1)
})
