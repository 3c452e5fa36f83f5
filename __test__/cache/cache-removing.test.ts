import test from 'ava'
import { SessionCache } from 'tls-resumption'

const session = Buffer.from('a session')

test('take returns a session and removes it', t => {
  const cache = new SessionCache().set('peer', session).set('other', session)
  t.deepEqual(cache.take('peer'), session)
  t.is(cache.take('peer'), undefined)
  t.false(cache.has('peer'))
  t.is(cache.bytes, session.length)
  t.true(cache.has('other'))
})

test('delete removes all sessions of a key and tells how many those were', t => {
  const cache = new SessionCache().add('peer', session).add('peer', session).add('peer', session)
  cache.set('other', session)
  t.is(cache.delete('peer'), 3)
  t.is(cache.delete('peer'), 0)
  t.is(cache.get('peer'), undefined)
  t.is(cache.size, 1)
  t.is(cache.delete('other'), 1)
})

test('delete of a key that was never there removes nothing', t => {
  const cache = new SessionCache().set('peer', session)
  t.is(cache.delete('another'), 0)
  t.is(cache.size, 1)
})

test('clear removes everything and leaves the cache usable', t => {
  const cache = new SessionCache()
  for (let i = 0; i < 1000; i++) cache.set(`key ${i}`, session)
  cache.clear()
  t.is(cache.size, 0)
  t.is(cache.bytes, 0)
  for (let i = 0; i < 1000; i++) t.is(cache.get(`key ${i}`), undefined)

  cache.set('key 1', session)
  t.deepEqual(cache.get('key 1'), session)
  t.is(cache.size, 1)
})

test('a key can be stored again after each way of removing it', t => {
  const cache = new SessionCache()
  for (const remove of ['take', 'delete', 'clear'] as const) {
    cache.set('peer', session)
    cache[remove]('peer')
    t.false(cache.has('peer'), remove)
    t.deepEqual(cache.add('peer', session).get('peer'), session, remove)
  }
})
