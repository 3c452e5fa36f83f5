import test from 'ava'
import { SessionCache } from 'tls-resumption'

const session = Buffer.from('a session')

/** A full cache of three whose order of use is a, b, c. */
function fullCache(): SessionCache {
  return new SessionCache({ max: 3 }).set('a', session).set('b', session).set('c', session)
}

/** Which are left; asking with `has` leaves the order as it is. */
function left(cache: SessionCache): string {
  return [...'abcdef'].filter(key => cache.has(key)).join('')
}

test('the session stored first goes first when none was used since', t => {
  const cache = fullCache()
  t.is(left(cache.set('d', session)), 'bcd')
  t.is(left(cache.set('e', session)), 'cde')
  t.is(left(cache.set('f', session)), 'def')
})

test('a session that get returned outlives those that were used before it', t => {
  const cache = fullCache()
  cache.get('a')
  t.is(left(cache.set('d', session)), 'acd')
  t.is(left(cache.set('e', session)), 'ade')
})

test('a session that offer returned outlives those that were used before it', t => {
  const cache = fullCache()
  cache.offer('a')
  t.is(left(cache.set('d', session)), 'acd')
  t.is(left(cache.set('e', session)), 'ade')
})

test('a session that was stored again outlives those that were stored before it', t => {
  const cache = fullCache().set('a', session)
  t.is(left(cache.set('d', session)), 'acd')
})

test('asking with has is no use of a session', t => {
  const cache = fullCache()
  t.true(cache.has('a'))
  t.is(left(cache.set('d', session)), 'bcd')
})

test('reading counters is no use of a session, and neither is a sweep', t => {
  const cache = fullCache()
  cache.stats()
  t.is(cache.size, 3)
  cache.sweep()
  t.is(left(cache.set('d', session)), 'bcd')
})

test('each ticket of a key is used and makes room on its own', t => {
  const cache = new SessionCache({ max: 3 })
  cache.add('a', Buffer.from('old')).add('a', Buffer.from('new')).set('b', session)
  cache.get('a')
  cache.set('c', session)
  t.is(cache.size, 3)
  t.is(cache.take('a')?.toString(), 'new')
  t.false(cache.has('a'), 'the ticket that nobody used has made room')
})

test('the order is kept exactly over some hundred sessions', t => {
  const max = 500
  const cache = new SessionCache({ max })
  for (let i = 0; i < max; i++) cache.set(`key ${i}`, session)
  // 7 and 500 have no common divisor, so that this meets every key once, in an order of its own.
  const order = Array.from({ length: max }, (_, i) => `key ${(i * 7) % max}`)
  for (const key of order) cache.get(key)
  for (const [i, key] of order.entries()) {
    t.true(cache.has(key), `${key}, the oldest, is there until its turn`)
    cache.set(`newcomer ${i}`, session)
    if (cache.has(key)) return t.fail(`${key}, the oldest, should have made room`)
  }
  t.is(cache.stats().evictions, max)
})
