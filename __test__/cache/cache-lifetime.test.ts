import { setTimeout as delay } from 'node:timers/promises'
import test from 'ava'
import { SessionCache } from 'tls-resumption'

const session = Buffer.from('a session')
const DAY = 24 * 60 * 60 * 1000

/** Comes back when the key has nothing any more; ava's watchdog ends a wait in vain. */
async function expired(cache: SessionCache, key: string): Promise<void> {
  while (cache.has(key)) await delay(2)
}

test("a session is gone when the cache's ttl has passed", async t => {
  const cache = new SessionCache({ ttl: 20 }).set('peer', session)
  await expired(cache, 'peer')
  t.is(cache.get('peer'), undefined)
  t.is(cache.stats().expirations, 1)
})

test("a session is gone when its own ttl has passed, though the cache's has not", async t => {
  const cache = new SessionCache({ ttl: DAY }).set('short', session, { ttl: 20 }).set('long', session)
  await expired(cache, 'short')
  t.true(cache.has('long'))
})

test("a session's own ttl does not outlast the cache's", async t => {
  const cache = new SessionCache({ ttl: 20 }).set('peer', session, { ttl: DAY })
  await expired(cache, 'peer')
  t.pass()
})

test('a ticket has a lifetime of its own, too', async t => {
  const cache = new SessionCache().add('peer', Buffer.from('long'))
  cache.add('peer', Buffer.from('short'), { ttl: 20 })
  while (cache.get('peer')?.toString() === 'short') await delay(2)
  t.is(cache.get('peer')?.toString(), 'long', 'the newer ticket has expired, the older one has not')
  t.is(cache.size, 1)
})

test('no operation gives out or counts what has expired', async t => {
  const cache = new SessionCache({ sweepInterval: 0 })
  const keys = ['has', 'get', 'offer', 'take', 'delete', 'set', 'add']
  for (const key of keys) cache.set(key, session, { ttl: 20 })
  cache.set('last of all', session, { ttl: 20 })
  await expired(cache, 'last of all')

  t.false(cache.has('has'))
  t.is(cache.get('get'), undefined)
  t.is(cache.offer('offer'), undefined)
  t.is(cache.take('take'), undefined)
  t.is(cache.delete('delete'), 0)
  cache.set('set', session).add('add', session)
  const { hits, misses, takes, deletes, replaced } = cache.stats()
  t.deepEqual(
    { hits, misses, takes, deletes, replaced },
    { hits: 0, misses: 3, takes: 0, deletes: 0, replaced: 0 },
  )
})

test('what has expired makes room before what was used longest ago', async t => {
  const cache = new SessionCache({ max: 3, sweepInterval: 0 })
  cache.set('old', session).set('short', session, { ttl: 20 }).set('probe', session, { ttl: 20 })
  await expired(cache, 'probe')
  cache.set('new', session).set('newer', session)
  t.true(cache.has('old'))
  t.is(cache.stats().evictions, 0)
})

test('storing again begins a new lifetime', async t => {
  const cache = new SessionCache().set('peer', session, { ttl: 20 }).set('probe', session, { ttl: 20 })
  cache.set('peer', session)
  await expired(cache, 'probe')
  t.true(cache.has('peer'))
})

test('using a session does not prolong its life', async t => {
  const cache = new SessionCache().set('peer', session, { ttl: 20 })
  while (cache.get('peer')) await delay(2)
  t.is(cache.stats().expirations, 1)
})
