import test from 'ava'
import { SessionCache } from 'tls-resumption'

const session = Buffer.from('a session')

for (const max of [1, 2, 1000]) {
  test(`a cache with max ${max} holds ${max}, no less and no more`, t => {
    const cache = new SessionCache({ max })
    for (let i = 1; i <= max; i++) {
      cache.set(`key ${i}`, session)
      if (cache.size !== i) return t.is(cache.size, i, 'nothing may be evicted while there is room')
    }
    t.is(cache.stats().evictions, 0)
    for (let i = 0; i < max; i++) t.true(cache.has(`key ${i + 1}`))

    for (let i = 1; i <= 2 * max; i++) {
      cache.set(`newcomer ${i}`, session)
      if (cache.size !== max) return t.is(cache.size, max)
    }
    t.is(cache.stats().evictions, 2 * max)
    t.true(cache.has(`newcomer ${2 * max}`), 'what was stored last is there')
  })
}

test('sessions count against max, not keys', t => {
  const cache = new SessionCache({ max: 3 })
  cache.add('one key', session).add('one key', session).add('one key', session)
  t.is(cache.size, 3)
  cache.add('one key', session)
  t.is(cache.size, 3)
  t.is(cache.stats().evictions, 1)
})

test('storing in place of a session takes no room from others', t => {
  const cache = new SessionCache({ max: 2 }).set('a', session).set('b', session)
  cache.set('a', session).set('b', session).set('a', session)
  t.is(cache.size, 2)
  t.is(cache.stats().evictions, 0)
})

test('what is removed leaves its room to others', t => {
  const cache = new SessionCache({ max: 2 }).set('a', session).set('b', session)
  cache.take('a')
  cache.set('c', session)
  cache.delete('b')
  cache.set('d', session)
  cache.clear()
  cache.set('e', session).set('f', session)
  t.is(cache.size, 2)
  t.is(cache.stats().evictions, 0)
})

test('a cache told nothing holds 10,000 sessions', t => {
  const cache = new SessionCache()
  for (let i = 0; i < 10_001; i++) cache.set(`key ${i}`, session)
  t.is(cache.size, 10_000)
  t.is(cache.stats().evictions, 1)
})

test('sessions of maxSize bytes together fit, and one byte more makes the oldest go', t => {
  const cache = new SessionCache({ maxSize: 100 })
  cache.set('a', Buffer.alloc(60)).set('b', Buffer.alloc(40))
  t.is(cache.bytes, 100)
  t.is(cache.size, 2)

  cache.set('c', Buffer.alloc(1))
  t.false(cache.has('a'))
  t.is(cache.bytes, 41)
})

test('as many sessions go as a large one needs room', t => {
  const cache = new SessionCache({ maxSize: 100 })
  for (let i = 0; i < 10; i++) cache.set(`key ${i}`, Buffer.alloc(10))
  cache.set('large', Buffer.alloc(55))
  t.is(cache.bytes, 95)
  t.is(cache.size, 5)
  t.deepEqual(cache.get('large'), Buffer.alloc(55))
})

test('one session may take all of maxSize', t => {
  const cache = new SessionCache({ maxSize: 100 }).set('a', Buffer.alloc(10)).set('b', Buffer.alloc(100))
  t.is(cache.bytes, 100)
  t.is(cache.size, 1)
})

test('keys do not count against maxSize', t => {
  const cache = new SessionCache({ maxSize: 2 }).set('a'.repeat(1000), Buffer.alloc(1))
  cache.set('b'.repeat(1000), Buffer.alloc(1))
  t.is(cache.bytes, 2)
})

test('a smaller session in place of a larger one gives its bytes back', t => {
  const cache = new SessionCache({ maxSize: 100 }).set('a', Buffer.alloc(90)).set('a', Buffer.alloc(10))
  t.is(cache.bytes, 10)
  cache.set('b', Buffer.alloc(90))
  t.is(cache.size, 2)
})

test('a cache told nothing holds 64 MiB', t => {
  const cache = new SessionCache()
  for (let i = 0; i < 64; i++) cache.set(`key ${i}`, Buffer.alloc(2 ** 20))
  t.is(cache.bytes, 64 * 2 ** 20)
  t.is(cache.size, 64)
  cache.set('one more', Buffer.alloc(1))
  t.is(cache.bytes, 63 * 2 ** 20 + 1)
})
