import test from 'ava'
import { SessionCache, type SessionCacheOptions } from 'tls-resumption'

const session = Buffer.from('a session')

test('cache names: caches of one name share their sessions', t => {
  using one = new SessionCache({ name: 'one memory' })
  using other = new SessionCache({ name: 'one memory' })
  one.set('peer', session)
  t.deepEqual(other.get('peer'), session)
  t.deepEqual(other.take('peer'), session)
  t.false(one.has('peer'))
  t.deepEqual(one.stats(), other.stats())
})

test('cache names: caches of different names share nothing', t => {
  using one = new SessionCache({ name: 'a name' })
  using other = new SessionCache({ name: 'A name' })
  one.set('peer', session)
  t.false(other.has('peer'))
})

test('cache names: caches without a name are private', t => {
  using one = new SessionCache()
  using other = new SessionCache()
  one.set('peer', session)
  t.false(other.has('peer'))
  t.is(other.size, 0)
})

// The options of the open cache, other options, and the end of the message.
const contradictions: [SessionCacheOptions, SessionCacheOptions, string][] = [
  [{ max: 10 }, { max: 11 }, 'max is 10, asked for 11'],
  [{ maxSize: 1000 }, { maxSize: 999 }, 'maxSize is 1000, asked for 999'],
  [{ ttl: 5000 }, { ttl: 6000 }, 'ttl is 5000, asked for 6000'],
  [{ sweepInterval: 1000 }, { sweepInterval: 0 }, 'sweepInterval is 1000, asked for 0'],
  [{ sweepInterval: 0 }, { sweepInterval: 1000 }, 'sweepInterval is 0, asked for 1000'],
  [{ ticketsPerPeer: 2 }, { ticketsPerPeer: 3 }, 'ticketsPerPeer is 2, asked for 3'],
  [{ singleUse: true }, { singleUse: false }, 'singleUse is true, asked for false'],
  [{ singleUse: false }, { singleUse: true }, 'singleUse is false, asked for true'],
  // An omitted option has its default value, which another value contradicts as well.
  [{}, { max: 1 }, 'max is 10000, asked for 1'],
  [{}, { maxSize: 1 }, 'maxSize is 67108864, asked for 1'],
  [{}, { ttl: 1 }, 'ttl is 3600000, asked for 1'],
  [{}, { sweepInterval: 1 }, 'sweepInterval is 60000, asked for 1'],
  [{}, { ticketsPerPeer: 1 }, 'ticketsPerPeer is 4, asked for 1'],
  [{}, { singleUse: true }, 'singleUse is false, asked for true'],
  // RFC 8446 section 4.6.1 limits the lifetime of a ticket to seven days.
  [{ ttl: Number.MAX_SAFE_INTEGER }, { ttl: 1 }, 'ttl is 604800000, asked for 1'],
  [{ ttl: 1 }, { ttl: 2 ** 40 }, 'ttl is 1, asked for 604800000'],
]
for (const [open, asked, message] of contradictions) {
  const name = JSON.stringify({ open, asked })
  test(`cache names: a cache open with ${JSON.stringify(open)} rejects ${JSON.stringify(asked)}`, t => {
    using cache = new SessionCache({ name, ...open })
    t.throws(() => new SessionCache({ name, ...asked }), {
      instanceOf: Error,
      code: 'ERR_TLS_RESUMPTION_NAME_CONFLICT',
      message: `The cache '${name}' is open with other options: ${message}`,
    })
    t.notThrows(() => cache.set('peer', session), 'the open cache still works')
  })
}

test('cache names: the error lists every contradiction and nothing else', t => {
  using _open = new SessionCache({ name: 'several', max: 5, ttl: 1000, singleUse: true })
  t.throws(() => new SessionCache({ name: 'several', max: 6, ttl: 1000, singleUse: false }), {
    message:
      "The cache 'several' is open with other options: max is 5, asked for 6; singleUse is true, asked for false",
  })
})

test('cache names: omitted and equal options are no contradiction', t => {
  const options = { max: 2, maxSize: 100, ttl: 1000, sweepInterval: 0, ticketsPerPeer: 1, singleUse: true }
  using one = new SessionCache({ name: 'no contradiction', ...options })
  using same = new SessionCache({ name: 'no contradiction', ...options })
  using none = new SessionCache({ name: 'no contradiction' })
  none.set('a', session).set('b', session).set('c', session)
  t.is(one.size, 2, 'the options of the first opening apply')
  t.is(same.size, 2)
})

test('cache names: a ttl above seven days equals seven days', t => {
  using _one = new SessionCache({ name: 'seven days', ttl: 8 * 24 * 3_600_000 })
  t.notThrows(() => new SessionCache({ name: 'seven days', ttl: 7 * 24 * 3_600_000 })[Symbol.dispose]())
  t.notThrows(() => new SessionCache({ name: 'seven days', ttl: Number.MAX_SAFE_INTEGER })[Symbol.dispose]())
})

test('cache names: the memory exists until the last cache of the name is disposed of', t => {
  const [one, other] = [new SessionCache({ name: 'kept', max: 5 }), new SessionCache({ name: 'kept' })]
  one.set('peer', session)
  one[Symbol.dispose]()
  t.true(other.has('peer'))
  t.throws(() => new SessionCache({ name: 'kept', max: 6 }), { code: 'ERR_TLS_RESUMPTION_NAME_CONFLICT' })
  other[Symbol.dispose]()

  using again = new SessionCache({ name: 'kept', max: 6 })
  t.is(again.size, 0)
  t.is(again.stats().sets, 0)
})

test('cache names: a rejected cache keeps nothing open', t => {
  const cache = new SessionCache({ name: 'refused', max: 5 })
  t.throws(() => new SessionCache({ name: 'refused', max: 6 }))
  cache[Symbol.dispose]()
  t.notThrows(() => new SessionCache({ name: 'refused', max: 6 })[Symbol.dispose]())
})
