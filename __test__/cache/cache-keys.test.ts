import test from 'ava'
import { SessionCache } from 'tls-resumption'

const session = Buffer.from('a session')

for (const key of ['a', 'db.example:5432', 'é', 'ключ', '鍵', '🔑', 'a\0b', '\0', ' ', 'line\nbreak']) {
  test(`the string ${JSON.stringify(key)} is the same key as its UTF-8 bytes`, t => {
    const bytes = new TextEncoder().encode(key)
    const cache = new SessionCache().set(key, session)
    t.deepEqual(cache.get(bytes), session)
    t.deepEqual(cache.get(Buffer.from(bytes)), session)
    t.true(cache.has(bytes))
    cache.add(bytes, Buffer.from('newer'))
    t.is(cache.get(key)?.toString(), 'newer')
    t.is(cache.delete(bytes), 2)
    t.false(cache.has(key))
  })
}

test('keys that differ in one byte, in case or in length are different', t => {
  const keys = ['a', 'A', 'b', 'aa', 'a ', ' a', 'a\0', 'á', 'a\u0301']
  const cache = new SessionCache()
  for (const key of keys) cache.set(key, Buffer.from(`of ${key}`))
  t.is(cache.size, keys.length)
  for (const key of keys) t.is(cache.get(key)?.toString(), `of ${key}`)
})

test('bytes that are no UTF-8 are a key like any other', t => {
  const cache = new SessionCache().set(Buffer.from([0xff, 0xfe, 0x00]), session)
  t.true(cache.has(Uint8Array.of(0xff, 0xfe, 0x00)))
  t.false(cache.has(Uint8Array.of(0xff, 0xfd, 0x00)))
  t.false(cache.has(Uint8Array.of(0xff, 0xfe)))
})

test('half a surrogate pair is the same key as the replacement character it becomes in UTF-8', t => {
  const cache = new SessionCache().set('\ud83d', session)
  t.true(cache.has('\ufffd'))
  t.true(cache.has(Buffer.from('\ud83d')))
})

test('a part of a larger array is a key of its own bytes', t => {
  const whole = Buffer.from('xxkeyxx')
  const cache = new SessionCache().set(whole.subarray(2, 5), session)
  t.true(cache.has('key'))
  t.false(cache.has(whole))
})

test('a key is copied in', t => {
  const key = Buffer.from('key')
  const cache = new SessionCache().set(key, session)
  key.fill('x')
  t.true(cache.has('key'))
  t.false(cache.has('xxx'))
})

// The two-byte string is stored by V8 in another way than the one-byte one, and may be cut anywhere.
const longest = {
  'one-byte characters': 'k'.repeat(4096),
  'two-byte characters': 'é'.repeat(2048),
  'three-byte characters': `${'鍵'.repeat(1365)}k`,
  'four-byte characters': '🔑'.repeat(1024),
}
for (const [kind, key] of Object.entries(longest)) {
  test(`a key of 4096 bytes in ${kind} is taken, and found again by all of them`, t => {
    t.is(Buffer.byteLength(key), 4096)
    const cache = new SessionCache().set(key, session)
    t.deepEqual(cache.get(Buffer.from(key)), session)
    t.false(cache.has(key.slice(0, -2)))
    t.false(cache.has(`x${key.slice(kind === 'four-byte characters' ? 2 : 1)}`))
    t.deepEqual(cache.take(key), session)
  })

  for (const extra of ['k', 'é', '鍵', '🔑']) {
    test(`a key of 4096 bytes in ${kind} and one ${extra} more is refused by every method`, t => {
      const tooLong = key + extra
      const bytes = Buffer.byteLength(tooLong)
      const cache = new SessionCache()
      for (const [method, use] of Object.entries(methods)) {
        for (const form of [tooLong, Buffer.from(tooLong)]) {
          t.throws(
            () => use(cache, form),
            {
              instanceOf: RangeError,
              code: 'ERR_OUT_OF_RANGE',
              message: new RegExp(`"key" argument.* from 1 to 4096 bytes\\. Received ${bytes}$`),
            },
            method,
          )
        }
      }
      t.is(cache.size, 0)
    })
  }
}

test('an empty key is refused by every method', t => {
  const cache = new SessionCache()
  for (const use of Object.values(methods)) {
    for (const key of ['', new Uint8Array()]) {
      const expected = { instanceOf: RangeError, code: 'ERR_OUT_OF_RANGE', message: /"key".* Received 0$/ }
      t.throws(() => use(cache, key), expected)
    }
  }
})

test('a key that is neither a string nor bytes is refused by every method, saying what came', t => {
  const wrong: [unknown, RegExp][] = [
    [undefined, /undefined$/],
    [null, /null$/],
    [42, /type number \(42\)$/],
    [true, /type boolean \(true\)$/],
    [Symbol('s'), /type symbol/],
    [['key'], /an instance of Array$/],
    [{}, /an instance of Object$/],
    [new ArrayBuffer(3), /an instance of ArrayBuffer$/],
    [new Uint16Array(3), /an instance of Uint16Array$/],
    [new DataView(new ArrayBuffer(3)), /an instance of DataView$/],
    [new String('key'), /an instance of String$/],
  ]
  const cache = new SessionCache()
  for (const use of Object.values(methods)) {
    for (const [key, received] of wrong) {
      const error = t.throws(() => use(cache, key as string), {
        instanceOf: TypeError,
        code: 'ERR_INVALID_ARG_TYPE',
        message: /^The "key" argument must be a string or a Uint8Array\. Received /,
      })
      t.regex(error?.message ?? '', received)
    }
  }
})

test('a key in shared memory is refused, since it could change while it is read', t => {
  const key = new Uint8Array(new SharedArrayBuffer(3))
  for (const use of Object.values(methods)) {
    const expected = { instanceOf: TypeError, code: 'ERR_INVALID_ARG_TYPE', message: /SharedArrayBuffer$/ }
    t.throws(() => use(new SessionCache(), key), expected)
  }
})

const methods: Record<string, (cache: SessionCache, key: string | Uint8Array) => unknown> = {
  set: (cache, key) => cache.set(key, session),
  add: (cache, key) => cache.add(key, session),
  get: (cache, key) => cache.get(key),
  offer: (cache, key) => cache.offer(key),
  take: (cache, key) => cache.take(key),
  has: (cache, key) => cache.has(key),
  delete: (cache, key) => cache.delete(key),
}
