import { randomBytes } from 'node:crypto'
import test from 'ava'
import { SessionCache } from 'tls-resumption'
import { borrowSession, dropSessions, storeSession } from '../../dist/cache/internal.js'
import { borrow, type Fill } from '../../dist/native/scratch-buffer.js'

// The larger blob does not fit into the scratch buffer.
for (const size of [2000, 20_000]) {
  test(`scratch buffer: ${size} borrowed bytes are wiped when the callback returns`, t => {
    const blob = randomBytes(size)
    const cache = new SessionCache().set('peer', blob)
    let borrowed: Buffer = Buffer.alloc(0)
    const result = borrowSession(cache, 'get', 'peer', session => {
      t.true(session.equals(blob))
      borrowed = session
      return 'used'
    })
    t.is(result, 'used')
    t.is(borrowed.length, size)
    t.true(borrowed.equals(Buffer.alloc(size)))
  })

  test(`scratch buffer: ${size} borrowed bytes are wiped when the callback throws`, t => {
    const cache = new SessionCache().set('peer', randomBytes(size))
    let borrowed: Buffer = Buffer.alloc(0)
    const use = (session: Buffer): never => {
      borrowed = session
      throw new Error('rejected by the callback')
    }
    t.throws(() => borrowSession(cache, 'get', 'peer', use), { message: 'rejected by the callback' })
    t.true(borrowed.length === size && borrowed.equals(Buffer.alloc(size)))
  })
}

// A caller's checkServerIdentity runs while a session is borrowed, and may use caches and connect.
test('scratch buffer: borrowing another session does not change the first', t => {
  const [outer, inner] = [randomBytes(2000), randomBytes(1500)]
  const cache = new SessionCache().set('outer', outer).set('inner', inner)
  const isUnchanged = borrowSession(cache, 'get', 'outer', session => {
    t.true(cache.get('inner')?.equals(inner))
    borrowSession(cache, 'get', 'inner', other => t.true(other.equals(inner)))
    return session.equals(outer)
  })
  t.true(isUnchanged)
  t.true(cache.get('outer')?.equals(outer))
})

test('scratch buffer: without a session the callback is not called', t => {
  t.is(
    borrowSession(new SessionCache(), 'get', 'peer', () => t.fail()),
    undefined,
  )
})

test('scratch buffer: a disposed cache is a miss and stores nothing', t => {
  const cache = new SessionCache().set('peer', Buffer.from('a session'))
  cache[Symbol.dispose]()
  t.is(
    borrowSession(cache, 'get', 'peer', () => t.fail()),
    undefined,
  )
  t.false(storeSession(cache, 'set', 'peer', Buffer.from('a session'), { ttl: 1000, reusable: true }))
  t.notThrows(() => dropSessions(cache, 'peer'))
})

// Between two attempts another thread may store a larger session.
test('scratch buffer: a buffer that is too small twice is replaced twice', t => {
  const sizes = [20_000, 30_000]
  const lengths: number[] = []
  const fill: Fill = (_handle, _key, out) => {
    lengths.push(out.length)
    const needed = sizes.shift()
    return needed ? -needed : out.fill('s').length
  }
  const blob = borrow(fill, 1, 'peer', String)
  t.deepEqual(lengths.slice(1), [20_000, 30_000])
  t.is(blob, 's'.repeat(30_000))
})

// The buffer for the next session has the length of recent sessions, and is returned itself if it fits.
test('session copies: sessions of changing sizes are returned unchanged, each in its own memory', t => {
  const cache = new SessionCache({ max: 100 })
  const sizes = [10, 10, 1000, 10, 10, 10, 999, 1000, 20_000, 16_384, 16_384, 1, 1, 1]
  const blobs = sizes.map(size => randomBytes(size))
  for (const [index, blob] of blobs.entries()) cache.set(`peer ${index}`, blob)
  const got = blobs.map((_, index) => cache.get(`peer ${index}`))
  t.is(cache.get('another peer'), undefined)
  for (const [index, blob] of blobs.entries()) {
    t.true(got[index]?.equals(blob), `number ${index}`)
    t.is(got[index]?.buffer.byteLength, blob.length)
  }
  t.is(new Set(got.map(blob => blob?.buffer)).size, blobs.length)
})
