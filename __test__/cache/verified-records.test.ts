import { randomBytes } from 'node:crypto'
import test from 'ava'
import { SessionCache } from 'tls-resumption'
import { borrowVerified, RECORD_BYTES, removeEntry, storeVerified } from '../../dist/cache/internal.js'

const ONE = { ttl: 0, reusable: false, add: false }
const MORE = { ...ONE, add: true }

function record(byte: number): Buffer {
  return Buffer.alloc(RECORD_BYTES, byte)
}

function borrow(cache: SessionCache, key = 'peer'): { blob: Buffer; record: Buffer } | undefined {
  return borrowVerified(cache, key, (blob, itsRecord) => ({
    blob: Buffer.from(blob),
    record: Buffer.from(itsRecord),
  }))
}

// With 64 bytes before it, a blob begins in the middle of a block of 256 bytes, and the largest spans many.
for (const size of [1, 7, 191, 192, 193, 448, 1000, 20_000]) {
  test(`records: a session of ${size} bytes comes back with its record, and public reads give the session only`, t => {
    const cache = new SessionCache()
    const blob = randomBytes(size)
    t.true(storeVerified(cache, 'peer', blob, record(7), ONE) > 0)
    t.deepEqual(borrow(cache), { blob, record: record(7) })
    t.deepEqual(cache.get('peer'), blob)
    t.deepEqual(cache.offer('peer'), blob)
    t.is(cache.bytes, size + RECORD_BYTES)
    t.deepEqual(cache.take('peer'), blob)
    t.is(cache.bytes, 0)
  })
}

test('records: a session that the public API stored has a record of zeros, whatever its bytes', t => {
  const cache = new SessionCache()
  const forged = Buffer.concat([record(7), Buffer.from('a session')])
  cache.set('peer', forged)
  t.deepEqual(borrow(cache), { blob: forged, record: record(0) })
  cache.add('peer', forged)
  t.deepEqual(borrow(cache), { blob: forged, record: record(0) })
  cache.set('peer', Buffer.from('over one with a record'))
  storeVerified(cache, 'peer', Buffer.from('verified'), record(7), ONE)
  cache.set('peer', Buffer.from('replaces it'))
  t.deepEqual(borrow(cache), { blob: Buffer.from('replaces it'), record: record(0) })
})

test('records: both buffers are wiped when their use ends, also by an error', t => {
  const cache = new SessionCache()
  for (const size of [2000, 20_000]) {
    storeVerified(cache, 'peer', randomBytes(size), record(7), ONE)
    const lent: Buffer[] = []
    const use = (...both: Buffer[]): never => {
      lent.push(...both)
      throw new Error('rejected')
    }
    t.throws(() => borrowVerified(cache, 'peer', use), { message: 'rejected' })
    t.deepEqual(lent, [Buffer.alloc(size), record(0)])
  }
})

test('records: a session that is borrowed counts as offered', t => {
  const cache = new SessionCache({ singleUse: true })
  storeVerified(cache, 'peer', Buffer.from('a ticket'), record(1), MORE)
  storeVerified(cache, 'peer', Buffer.from('a session'), record(2), { ...MORE, reusable: true })
  const blobs = Array.from({ length: 4 }, () => borrow(cache)?.blob.toString())
  t.deepEqual(blobs, ['a session', 'a ticket', 'a session', 'a session'])
})

test('records: a session replaces the others of its key unless it is added', t => {
  const cache = new SessionCache({ ticketsPerPeer: 2 })
  for (const byte of [1, 2, 3]) storeVerified(cache, 'peer', Buffer.from([byte]), record(byte), MORE)
  t.is(cache.size, 2)
  storeVerified(cache, 'peer', Buffer.from([4]), record(4), ONE)
  t.is(cache.size, 1)
  t.deepEqual(borrow(cache), { blob: Buffer.from([4]), record: record(4) })
})

test('records: the lifetime of a session ends its record', async t => {
  const cache = new SessionCache()
  storeVerified(cache, 'peer', Buffer.from('a session'), record(1), { ...ONE, ttl: 1 })
  await new Promise(resolve => setTimeout(resolve, 10))
  t.is(borrow(cache), undefined)
})

test('records: a session that fits only without its record is rejected, and what was stored stays', t => {
  const cache = new SessionCache({ maxSize: 100 })
  cache.set('peer', Buffer.alloc(100, 1))
  t.is(storeVerified(cache, 'peer', Buffer.alloc(100 - RECORD_BYTES + 1), record(1), ONE), 0)
  t.is(storeVerified(cache, 'peer', Buffer.alloc(0), record(1), ONE), 0)
  t.true(cache.has('peer'))
  t.true(storeVerified(cache, 'peer', Buffer.alloc(100 - RECORD_BYTES, 1), record(1), ONE) > 0)
  t.is(cache.bytes, 100)
})

test('records: a record of another length is refused', t => {
  const cache = new SessionCache()
  for (const length of [0, RECORD_BYTES - 1, RECORD_BYTES + 1]) {
    t.throws(() => storeVerified(cache, 'peer', Buffer.from('a session'), Buffer.alloc(length), ONE), {
      message: '`record` must be 64 bytes long',
    })
  }
})

test('removeEntry: exactly the named session goes', t => {
  const cache = new SessionCache()
  const [one, two, three] = [1, 2, 3].map(byte =>
    storeVerified(cache, 'peer', Buffer.from([byte]), record(byte), MORE),
  ) as [number, number, number]
  t.true([one, two, three].every(id => Number.isSafeInteger(id) && id > 0))
  t.false(removeEntry(cache, 'another peer', two))
  t.true(removeEntry(cache, 'peer', two))
  t.false(removeEntry(cache, 'peer', two))
  const blobs = Array.from({ length: 2 }, () => cache.take('peer'))
  t.deepEqual(blobs, [Buffer.from([3]), Buffer.from([1])])
  t.false(removeEntry(cache, 'peer', one))
  t.is(cache.stats().deletes, 1)
})

test('removeEntry: a session that took the memory of the named one stays', t => {
  const cache = new SessionCache({ max: 1 })
  const id = storeVerified(cache, 'peer', Buffer.from('old'), record(1), ONE)
  cache.clear()
  const next = storeVerified(cache, 'peer', Buffer.from('new'), record(1), ONE)
  t.not(next, id)
  for (const wrong of [id, 0, -1, Number.NaN, 2 ** 53]) t.false(removeEntry(cache, 'peer', wrong))
  t.deepEqual(cache.get('peer'), Buffer.from('new'))
  t.true(removeEntry(cache, 'peer', next))
})

test('records: a cache that is disposed of stores, lends and removes nothing', t => {
  const cache = new SessionCache()
  const id = storeVerified(cache, 'peer', Buffer.from('a session'), record(1), ONE)
  cache[Symbol.dispose]()
  t.is(storeVerified(cache, 'peer', Buffer.from('a session'), record(1), ONE), 0)
  t.is(borrow(cache), undefined)
  t.false(removeEntry(cache, 'peer', id))
})
