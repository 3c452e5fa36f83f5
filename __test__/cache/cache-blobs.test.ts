import { randomBytes } from 'node:crypto'
import test from 'ava'
import { SessionCache } from 'tls-resumption'

const reads = ['get', 'offer', 'take'] as const

test("session blobs: changing the caller's buffer does not change the stored session", t => {
  const cache = new SessionCache()
  const blob = Buffer.from('a session')
  cache.set('set', blob).add('add', blob)
  blob.fill(0)
  t.is(cache.get('set')?.toString(), 'a session')
  t.is(cache.get('add')?.toString(), 'a session')
})

test('session blobs: changing a returned buffer changes neither the stored session nor earlier results', t => {
  const cache = new SessionCache().set('peer', Buffer.from('a session'))
  const first = cache.get('peer')
  cache.get('peer')?.fill(0)
  cache.offer('peer')?.fill(0)
  t.is(first?.toString(), 'a session')
  t.is(cache.get('peer')?.toString(), 'a session')
})

test('session blobs: later calls do not change a returned buffer', t => {
  const cache = new SessionCache()
  const kept = ['get', 'offer', 'take'].map(key => cache.set(key, Buffer.from(`blob of ${key}`)))
  const returned = reads.map(read => cache[read](read))
  cache.set('other', Buffer.alloc(100, 'x')).get('other')
  cache.clear()
  t.is(kept.length, 3)
  t.deepEqual(
    returned.map(blob => blob?.toString()),
    ['blob of get', 'blob of offer', 'blob of take'],
  )
})

// A slice of Node's buffer pool would expose other data, and leave a secret in the pool.
for (const read of reads) {
  test(`session blobs: ${read} returns a Buffer that shares its memory with no other`, t => {
    const cache = new SessionCache()
    for (const size of [1, 100, 2000, 20_000]) {
      const blob = cache.set('peer', randomBytes(size))[read]('peer')
      t.true(Buffer.isBuffer(blob))
      t.is(blob?.byteOffset, 0)
      t.is(blob?.buffer.byteLength, size)
    }
  })
}

// The scratch buffer has 16 KiB.
for (const size of [1, 255, 256, 257, 4096, 16_383, 16_384, 16_385, 65_536, 2 ** 20]) {
  test(`session blobs: every read returns a blob of ${size} bytes unchanged`, t => {
    const blob = randomBytes(size)
    const other = randomBytes(size)
    const cache = new SessionCache().set('neighbour', other)
    cache.set('peer', blob)
    t.is(cache.bytes, 2 * size)
    for (const read of reads) t.true(cache[read]('peer')?.equals(blob), read)
    t.false(cache.has('peer'))
    t.true(cache.get('neighbour')?.equals(other))
    // A retry because of a too small buffer must not count twice.
    t.is(cache.stats().hits, 4)
    t.is(cache.stats().takes, 1)
    t.is(cache.stats().misses, 0)
  })
}

test('session blobs: a large single-use ticket is offered once and not lost to a too small buffer', t => {
  const blob = randomBytes(100_000)
  const cache = new SessionCache({ singleUse: true }).add('peer', blob)
  t.true(cache.offer('peer')?.equals(blob))
  t.is(cache.offer('peer'), undefined)
})

test('session blobs: alternating small and large blobs do not mix', t => {
  const cache = new SessionCache()
  const blobs = [20_000, 3, 16_384, 40_000, 1].map(size => randomBytes(size))
  for (const [i, blob] of blobs.entries()) cache.set(`key ${i}`, blob)
  for (let round = 0; round < 3; round++) {
    for (const [i, blob] of blobs.entries()) t.true(cache.get(`key ${i}`)?.equals(blob))
  }
})

test('session blobs: every byte value is preserved', t => {
  const blob = Uint8Array.from({ length: 256 }, (_, i) => i)
  t.deepEqual(new Uint8Array(new SessionCache().set('peer', blob).get('peer') ?? []), blob)
})

test('session blobs: any Uint8Array is accepted, also a view of a larger one', t => {
  const cache = new SessionCache()
  t.deepEqual(cache.set('peer', new Uint8Array([1, 2, 3])).get('peer'), Buffer.from([1, 2, 3]))
  t.deepEqual(
    cache.set('peer', Buffer.from('xxsessionxx').subarray(2, 9)).get('peer'),
    Buffer.from('session'),
  )
})

test('session blobs: a rejected blob leaves the stored session', t => {
  for (const write of ['set', 'add'] as const) {
    const cache = new SessionCache({ maxSize: 10 }).set('peer', Buffer.from('1234567890'))
    t.throws(() => cache[write]('peer', Buffer.alloc(11)), {
      instanceOf: RangeError,
      code: 'ERR_OUT_OF_RANGE',
      message: /"blob" argument.*"maxSize"\. Received 11$/,
    })
    t.is(cache.get('peer')?.toString(), '1234567890')
    t.is(cache.size, 1)
    t.is(cache.stats().rejected, 1)
    t.is(cache.stats().sets, 1)
  }
})

test('session blobs: an empty blob is rejected', t => {
  const cache = new SessionCache().set('peer', Buffer.from('a session'))
  for (const write of ['set', 'add'] as const) {
    t.throws(() => cache[write]('peer', new Uint8Array()), {
      instanceOf: RangeError,
      code: 'ERR_OUT_OF_RANGE',
      message: /"blob" argument.* from 1 byte .*Received 0$/,
    })
  }
  t.is(cache.get('peer')?.toString(), 'a session')
  t.is(cache.stats().sets, 1)
})

test('session blobs: another type is rejected and named', t => {
  const cache = new SessionCache()
  const wrong: [unknown, RegExp][] = [
    [undefined, /undefined$/],
    [null, /null$/],
    ['a session', /an instance of String$/],
    [7, /type number \(7\)$/],
    [[1, 2], /an instance of Array$/],
    [new ArrayBuffer(3), /an instance of ArrayBuffer$/],
    [new Uint16Array(3), /an instance of Uint16Array$/],
    [new Uint8ClampedArray(3), /an instance of Uint8ClampedArray$/],
    [new DataView(new ArrayBuffer(3)), /an instance of DataView$/],
  ]
  for (const write of ['set', 'add'] as const) {
    for (const [blob, received] of wrong) {
      const error = t.throws(() => cache[write]('peer', blob as Buffer), {
        instanceOf: TypeError,
        code: 'ERR_INVALID_ARG_TYPE',
        message: /^The "blob" argument must be a Uint8Array/,
      })
      t.regex(error?.message ?? '', received)
    }
  }
  t.is(cache.stats().sets, 0)
})

test('session blobs: shared memory is rejected, since it could change while it is copied', t => {
  const cache = new SessionCache()
  const shared = new SharedArrayBuffer(8)
  for (const blob of [new Uint8Array(shared), Buffer.from(shared, 2, 4)]) {
    const expected = { instanceOf: TypeError, code: 'ERR_INVALID_ARG_TYPE', message: /SharedArrayBuffer$/ }
    t.throws(() => cache.set('peer', blob), expected)
    t.throws(() => cache.add('peer', blob), expected)
  }
  t.is(cache.size, 0)
})

test('session blobs: a view of transferred memory is rejected as empty', t => {
  const blob = new Uint8Array(8)
  structuredClone(blob, { transfer: [blob.buffer] })
  t.throws(() => new SessionCache().set('peer', blob), { code: 'ERR_OUT_OF_RANGE' })
})
