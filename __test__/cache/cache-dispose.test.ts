import test from 'ava'
import { SessionCache } from 'tls-resumption'

const session = Buffer.from('a session')

const uses: Record<string, (cache: SessionCache) => unknown> = {
  set: cache => cache.set('peer', session),
  add: cache => cache.add('peer', session),
  get: cache => cache.get('peer'),
  offer: cache => cache.offer('peer'),
  take: cache => cache.take('peer'),
  has: cache => cache.has('peer'),
  delete: cache => cache.delete('peer'),
  clear: cache => cache.clear(),
  sweep: cache => cache.sweep(),
  size: cache => cache.size,
  bytes: cache => cache.bytes,
  stats: cache => cache.stats(),
}

for (const [member, use] of Object.entries(uses)) {
  test(`${member} throws once the cache has been disposed of`, t => {
    const cache = new SessionCache().set('peer', session)
    t.notThrows(() => use(cache))
    cache[Symbol.dispose]()
    t.throws(() => use(cache), {
      instanceOf: Error,
      code: 'ERR_TLS_RESUMPTION_DISPOSED',
      message: 'The SessionCache has been disposed of',
    })
  })
}

test('every public member is in the list of those that throw', t => {
  const members = Reflect.ownKeys(SessionCache.prototype).filter(
    member => !['constructor', 'name', Symbol.dispose].includes(member as string),
  )
  t.deepEqual(members.sort(), Object.keys(uses).sort())
})

test('disposing again does nothing', t => {
  const cache = new SessionCache()
  cache[Symbol.dispose]()
  t.notThrows(() => cache[Symbol.dispose]())
})

// A handle that is free again belongs to the next cache that is opened.
test('disposing again does not close a cache that was opened since', t => {
  const first = new SessionCache()
  first[Symbol.dispose]()
  const second = new SessionCache().set('peer', session)
  first[Symbol.dispose]()
  t.deepEqual(second.get('peer'), session)
  t.throws(() => first.get('peer'), { code: 'ERR_TLS_RESUMPTION_DISPOSED' })
})

test('disposing of one cache leaves the others', t => {
  const [one, two, three] = [new SessionCache(), new SessionCache(), new SessionCache()]
  for (const cache of [one, two, three]) cache.set('peer', session)
  two[Symbol.dispose]()
  t.deepEqual(one.get('peer'), session)
  t.deepEqual(three.get('peer'), session)
  const four = new SessionCache()
  t.false(four.has('peer'), 'a new cache has nothing of the one whose place it takes')
  t.true(three.has('peer'))
})

test('using disposes of a cache at the end of its block', t => {
  let seen: SessionCache
  {
    using cache = new SessionCache()
    seen = cache.set('peer', session)
    t.true(seen.has('peer'))
  }
  t.throws(() => seen.has('peer'), { code: 'ERR_TLS_RESUMPTION_DISPOSED' })
})

test('the name is known even afterwards', t => {
  const cache = new SessionCache({ name: 'known afterwards' })
  cache[Symbol.dispose]()
  t.is(cache.name, 'known afterwards')
  t.is(new SessionCache().name, undefined)
})

test('the methods belong to caches alone', t => {
  t.throws(() => SessionCache.prototype.get.call({} as SessionCache, 'peer'), { instanceOf: TypeError })
  t.throws(() => Object.create(new SessionCache()).size, { instanceOf: TypeError })
})
