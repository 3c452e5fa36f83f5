import test from 'ava'
import { connect, SessionCache } from 'tls-resumption'
import { finish, startServer } from '../support/server.ts'
import { runProgram, TYPESCRIPT } from '../workers/spawn.ts'

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
  test(`cache disposal: ${member} throws afterwards`, t => {
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

test('cache disposal: the tests above cover every public member', t => {
  const members = Reflect.ownKeys(SessionCache.prototype).filter(
    member => !['constructor', 'name', 'path', Symbol.dispose].includes(member as string),
  )
  t.deepEqual(members.sort(), Object.keys(uses).sort())
})

test('cache disposal: a second disposal does nothing', t => {
  const cache = new SessionCache()
  cache[Symbol.dispose]()
  t.notThrows(() => cache[Symbol.dispose]())
})

// The next cache that is opened gets the freed handle.
test('cache disposal: a second disposal does not close a cache that was opened since', t => {
  const first = new SessionCache()
  first[Symbol.dispose]()
  const second = new SessionCache().set('peer', session)
  first[Symbol.dispose]()
  t.deepEqual(second.get('peer'), session)
  t.throws(() => first.get('peer'), { code: 'ERR_TLS_RESUMPTION_DISPOSED' })
})

test('cache disposal: other caches keep their sessions', t => {
  const [one, two, three] = [new SessionCache(), new SessionCache(), new SessionCache()]
  for (const cache of [one, two, three]) cache.set('peer', session)
  two[Symbol.dispose]()
  t.deepEqual(one.get('peer'), session)
  t.deepEqual(three.get('peer'), session)
  const four = new SessionCache()
  t.false(four.has('peer'), 'a new cache with a reused handle is empty')
  t.true(three.has('peer'))
})

test('cache disposal: `using` disposes of the cache at the end of the block', t => {
  let seen: SessionCache
  {
    using cache = new SessionCache()
    seen = cache.set('peer', session)
    t.true(seen.has('peer'))
  }
  t.throws(() => seen.has('peer'), { code: 'ERR_TLS_RESUMPTION_DISPOSED' })
})

test('cache disposal: the name stays readable', t => {
  const cache = new SessionCache({ name: 'known afterwards' })
  cache[Symbol.dispose]()
  t.is(cache.name, 'known afterwards')
  t.is(new SessionCache().name, undefined)
})

test('cache: methods throw for objects that are not caches', t => {
  t.throws(() => SessionCache.prototype.get.call({} as SessionCache, 'peer'), { instanceOf: TypeError })
  t.throws(() => Object.create(new SessionCache()).size, { instanceOf: TypeError })
})

test('cache disposal: a failing handshake reports its own error when the cache is disposed of during it', async t => {
  const { port, ca } = await startServer(t)
  const sessionCache = new SessionCache()
  const options = { port, ca, servername: 'localhost', sessionCache }
  await finish(connect(options))
  const socket = connect(options)
  socket.once('connect', () => {
    sessionCache[Symbol.dispose]()
    socket.destroy(new Error('given up'))
  })
  await t.throwsAsync(finish(socket), { message: 'given up' })
})

test('cache disposal: the garbage collector closes an unreachable cache, and no other', async t => {
  const { code, stdout, stderr } = await runProgram(['--expose-gc', ...TYPESCRIPT], 'collected.ts')
  t.is(stderr, '')
  t.deepEqual(stdout.trim().split('\n'), [
    'dropped: closed, and 0 of its sessions are left',
    'disposed of and then collected: 20 of 20 successors work',
    'still in use: open',
  ])
  t.is(code, 0)
})
