import { randomBytes } from 'node:crypto'
import test from 'ava'
import { SessionCache } from 'tls-resumption'
import { borrowSession, dropSessions, storeSession } from '../../dist/cache/internal.js'
import { type Fill, lendScratch } from '../../dist/native/scratch-buffer.js'

// The larger one does not fit into the buffer that is used again and again.
for (const size of [2000, 20_000]) {
  test(`the buffer in which a connection is lent ${size} bytes is wiped when it is done`, t => {
    const blob = randomBytes(size)
    const cache = new SessionCache().set('peer', blob)
    let lent: Buffer = Buffer.alloc(0)
    const result = borrowSession(cache, 'get', 'peer', session => {
      t.true(session.equals(blob))
      lent = session
      return 'used'
    })
    t.is(result, 'used')
    t.is(lent.length, size)
    t.true(lent.equals(Buffer.alloc(size)))
  })

  test(`it is wiped of ${size} bytes even if their use fails`, t => {
    const cache = new SessionCache().set('peer', randomBytes(size))
    let lent: Buffer = Buffer.alloc(0)
    const use = (session: Buffer): never => {
      lent = session
      throw new Error('the session does not please')
    }
    t.throws(() => borrowSession(cache, 'get', 'peer', use), { message: 'the session does not please' })
    t.true(lent.length === size && lent.equals(Buffer.alloc(size)))
  })
}

// A caller's checkServerIdentity is asked while the session is lent, and may use caches and connect itself.
test('what is lent stays as it is while another session is', t => {
  const [outer, inner] = [randomBytes(2000), randomBytes(1500)]
  const cache = new SessionCache().set('outer', outer).set('inner', inner)
  const isAsItWas = borrowSession(cache, 'get', 'outer', session => {
    t.true(cache.get('inner')?.equals(inner))
    borrowSession(cache, 'get', 'inner', other => t.true(other.equals(inner)))
    return session.equals(outer)
  })
  t.true(isAsItWas)
  t.true(cache.get('outer')?.equals(outer))
})

test('a connection that finds no session is lent nothing', t => {
  t.is(
    borrowSession(new SessionCache(), 'get', 'peer', () => t.fail()),
    undefined,
  )
})

test('a cache that was disposed of meanwhile is a miss to a connection, and takes nothing in', t => {
  const cache = new SessionCache().set('peer', Buffer.from('a session'))
  cache[Symbol.dispose]()
  t.is(
    borrowSession(cache, 'get', 'peer', () => t.fail()),
    undefined,
  )
  t.false(storeSession(cache, 'set', 'peer', Buffer.from('a session'), { ttl: 1000, reusable: true }))
  t.notThrows(() => dropSessions(cache, 'peer'))
})

// Between two attempts, another thread may have stored a session that is larger still.
test('a buffer that is too small twice is replaced twice', t => {
  const sizes = [20_000, 30_000]
  const rooms: number[] = []
  const fill: Fill = (_handle, _key, out) => {
    rooms.push(out.length)
    const needed = sizes.shift()
    return needed ? -needed : out.fill('s').length
  }
  const blob = lendScratch(fill, 1, 'peer', String)
  t.deepEqual(rooms.slice(1), [20_000, 30_000])
  t.is(blob, 's'.repeat(30_000))
})

// The buffer for the next session has the size of the last ones, and is handed out where that fits.
test('sessions of changing sizes come back as they are, each in a buffer that nothing else is written to', t => {
  const cache = new SessionCache({ max: 100 })
  const sizes = [10, 10, 1000, 10, 10, 10, 999, 1000, 20_000, 16_384, 16_384, 1, 1, 1]
  const blobs = sizes.map(size => randomBytes(size))
  for (const [place, blob] of blobs.entries()) cache.set(`peer ${place}`, blob)
  const got = blobs.map((_, place) => cache.get(`peer ${place}`))
  t.is(cache.get('nobody'), undefined)
  for (const [place, blob] of blobs.entries()) {
    t.true(got[place]?.equals(blob), `number ${place}`)
    t.is(got[place]?.buffer.byteLength, blob.length)
  }
  t.is(new Set(got.map(blob => blob?.buffer)).size, blobs.length)
})
