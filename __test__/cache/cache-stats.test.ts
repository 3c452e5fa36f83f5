import { setTimeout as delay } from 'node:timers/promises'
import test from 'ava'
import { SessionCache, type SessionCacheMemory, type SessionCacheStats } from 'tls-resumption'

const session = Buffer.from('a session')

type Counters = Omit<SessionCacheStats, 'memory'>

const nothing: Counters = {
  hits: 0,
  misses: 0,
  sets: 0,
  takes: 0,
  deletes: 0,
  replaced: 0,
  cleared: 0,
  evictions: 0,
  expirations: 0,
  rejected: 0,
  sweeps: 0,
  size: 0,
  bytes: 0,
}

function counters(cache: SessionCache): Counters {
  const { memory: _, ...counters } = cache.stats()
  return counters
}

test('cache stats: all counters of a new cache are zero', t => {
  t.deepEqual(counters(new SessionCache()), nothing)
})

test('cache stats: reads that find a session count as hits', t => {
  const cache = new SessionCache().set('peer', session)
  cache.get('peer')
  cache.offer('peer')
  t.deepEqual(counters(cache), { ...nothing, sets: 1, hits: 2, size: 1, bytes: 9 })
  cache.take('peer')
  t.deepEqual(counters(cache), { ...nothing, sets: 1, hits: 3, takes: 1 })
})

test('cache stats: reads that find no session count as misses', t => {
  const cache = new SessionCache()
  cache.get('peer')
  t.is(cache.stats().misses, 1)
  cache.offer('peer')
  t.is(cache.stats().misses, 2)
  cache.take('peer')
  t.deepEqual(counters(cache), { ...nothing, misses: 3 })
})

test('cache stats: has, delete, clear and sweep do not count as reads', t => {
  const cache = new SessionCache().set('peer', session)
  cache.has('peer')
  cache.has('another')
  cache.delete('another')
  cache.sweep()
  cache.clear()
  t.deepEqual(counters(cache), { ...nothing, sets: 1, cleared: 1, sweeps: 1 })
})

test('cache stats: set and add count as sets', t => {
  const cache = new SessionCache().set('peer', session).add('peer', session)
  t.deepEqual(counters(cache), { ...nothing, sets: 2, size: 2, bytes: 18 })
})

test('cache stats: an offer of a single-use ticket counts as a take', t => {
  const cache = new SessionCache({ singleUse: true }).add('peer', session)
  cache.offer('peer')
  t.deepEqual(counters(cache), { ...nothing, sets: 1, hits: 1, takes: 1 })
})

test('cache stats: deletes counts sessions, not calls', t => {
  const cache = new SessionCache().add('peer', session).add('peer', session)
  cache.delete('peer')
  cache.delete('peer')
  t.deepEqual(counters(cache), { ...nothing, sets: 2, deletes: 2 })
})

test('cache stats: replaced counts the sessions that set and add displaced', t => {
  const cache = new SessionCache({ ticketsPerPeer: 2 }).add('peer', session).add('peer', session)
  cache.set('peer', session)
  t.is(cache.stats().replaced, 2)
  cache.add('peer', session).add('peer', session)
  t.deepEqual(counters(cache), { ...nothing, sets: 5, replaced: 3, size: 2, bytes: 18 })
})

test('cache stats: cleared counts the sessions that clear removed', t => {
  const cache = new SessionCache().set('a', session).set('b', session)
  cache.clear()
  cache.clear()
  t.deepEqual(counters(cache), { ...nothing, sets: 2, cleared: 2 })
})

test('cache stats: evictions counts the sessions removed for the bounds', t => {
  const cache = new SessionCache({ max: 1 }).set('a', session).set('b', session).set('c', session)
  t.deepEqual(counters(cache), { ...nothing, sets: 3, evictions: 2, size: 1, bytes: 9 })
})

test('cache stats: expirations counts expired sessions, and rejected counts blobs never stored', async t => {
  const cache = new SessionCache({ sweepInterval: 0, maxSize: 20 }).set('peer', session, { ttl: 5 })
  while (cache.has('peer')) await delay(2)
  t.deepEqual(counters(cache), { ...nothing, sets: 1, expirations: 1 })
  t.throws(() => cache.set('peer', Buffer.alloc(21)))
  t.throws(() => cache.add('peer', Buffer.alloc(21)))
  t.deepEqual(counters(cache), { ...nothing, sets: 1, expirations: 1, rejected: 2 })
})

test('cache stats: rejected counts empty blobs', t => {
  const cache = new SessionCache()
  t.throws(() => cache.set('peer', Buffer.alloc(0)))
  t.is(cache.stats().rejected, 1)
})

test('cache stats: size and bytes equal the getters', t => {
  const cache = new SessionCache().set('a', session).set('b', Buffer.alloc(1000))
  const { size, bytes } = cache.stats()
  t.deepEqual([cache.size, cache.bytes], [size, bytes])
  t.deepEqual([size, bytes], [2, 1009])
})

test('cache stats: a snapshot does not change', t => {
  const cache = new SessionCache()
  const before = cache.stats()
  cache.set('peer', session)
  t.is(before.sets, 0)
})

test('cache stats: every stored session is counted once when it leaves', async t => {
  const cache = new SessionCache({ max: 20, ticketsPerPeer: 2, singleUse: true, sweepInterval: 0 })
  for (let i = 0; i < 30; i++) cache.add(`key ${i % 25}`, session)
  for (let i = 10; i < 20; i++) cache.set(`key ${i}`, session, { ttl: 5 })
  cache.take('key 21')
  cache.offer('key 22')
  cache.delete('key 23')
  cache.set('key 24', session).set('key 24', session)
  while (cache.has('key 19')) await delay(2)
  cache.sweep()
  cache.set('cleared', session)
  cache.clear()
  cache.set('left', session)

  const { sets, takes, deletes, replaced, cleared, evictions, expirations, size } = cache.stats()
  t.is(sets, takes + deletes + replaced + cleared + evictions + expirations + size)
  for (const [name, count] of Object.entries({
    takes,
    deletes,
    replaced,
    cleared,
    evictions,
    expirations,
    size,
  })) {
    t.true(count > 0, `this test has to reach ${name}`)
  }
})

test('cache stats: memory is locked and excluded from core dumps as far as the system permits', t => {
  const cache = new SessionCache({ maxSize: 2 ** 20 })
  const excludedFromCoreDumps = ['linux', 'win32'].includes(process.platform)
  t.deepEqual(cache.stats().memory, { used: 0, locked: 0, excludedFromCoreDumps, highestNode: 0 })
  cache.set('peer', Buffer.alloc(100_000, 1))
  const { used, locked } = cache.stats().memory satisfies SessionCacheMemory
  t.is(used, 100_096, 'in blocks of 256 bytes')
  // The system may refuse to lock any of the two steps.
  t.true([0, 64, 128].includes(locked / 1024), `${locked}`)
  cache.clear()
  t.is(cache.stats().memory.used, used, 'freed blocks stay for later sessions')
})

test('cache stats: the highest node is the most sessions at one time, and stays', t => {
  const cache = new SessionCache({ max: 1000 })
  for (let index = 0; index < 500; index++) cache.set(`peer ${index}`, Buffer.alloc(10, 1))
  const { highestNode } = cache.stats().memory
  // A thread takes some nodes at once.
  t.true(highestNode >= 500 && highestNode < 600, `${highestNode}`)
  for (let index = 0; index < 500; index++) cache.delete(`peer ${index}`)
  for (let index = 0; index < 500; index++) cache.set(`other ${index}`, Buffer.alloc(10, 1))
  t.is(cache.stats().memory.highestNode, highestNode, 'nodes are used again')
})
