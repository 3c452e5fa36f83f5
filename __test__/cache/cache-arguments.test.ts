import test from 'ava'
import { connect, SessionCache } from 'tls-resumption'

const session = Buffer.from('a session')
const open = (options: unknown) => new SessionCache(options as object)

const numbers: Record<string, { least: number; most: number }> = {
  max: { least: 1, most: 100_000_000 },
  maxSize: { least: 1, most: 2 ** 37 - 1 },
  ttl: { least: 1, most: Number.MAX_SAFE_INTEGER },
  sweepInterval: { least: 0, most: 2 ** 31 - 1 },
  ticketsPerPeer: { least: 1, most: 255 },
}

for (const [option, { least, most }] of Object.entries(numbers)) {
  test(`cache options: ${option} accepts integers from ${least} to ${most}`, t => {
    for (const value of [least, least + 1, most - 1, most]) {
      t.notThrows(() => open({ [option]: value })[Symbol.dispose](), String(value))
    }
    t.notThrows(() => open({ [option]: undefined }))
  })

  test(`cache options: ${option} rejects any other number, with the range and the value`, t => {
    for (const value of [least - 1, -1, most + 1, 1.5, 0.5, Number.NaN, Infinity, -Infinity, 2 ** 64]) {
      t.throws(() => open({ [option]: value }), {
        instanceOf: RangeError,
        code: 'ERR_OUT_OF_RANGE',
        message: `The "${option}" option must be an integer from ${least} to ${most}. Received ${value}`,
      })
    }
  })

  test(`cache options: ${option} rejects another type and names it`, t => {
    for (const [value, received] of [
      ['10', "type string ('10')"],
      [null, 'null'],
      [true, 'type boolean (true)'],
      [10n, 'type bigint (10)'],
      [[10], 'an instance of Array'],
      [{}, 'an instance of Object'],
      [new Number(10), 'an instance of Number'],
      [() => 10, 'function (anonymous)'],
    ]) {
      t.throws(() => open({ [option]: value }), {
        instanceOf: TypeError,
        code: 'ERR_INVALID_ARG_TYPE',
        message: `The "${option}" option must be a number. Received ${received}`,
      })
    }
  })
}

test('cache options: singleUse accepts only booleans', t => {
  for (const singleUse of [true, false, undefined]) t.notThrows(() => open({ singleUse }))
  for (const singleUse of [null, 0, 1, 'true', {}]) {
    t.throws(() => open({ singleUse }), {
      instanceOf: TypeError,
      code: 'ERR_INVALID_ARG_TYPE',
      message: /^The "singleUse" option must be a boolean\. Received /,
    })
  }
})

test('cache options: name accepts strings of 1 to 256 characters', t => {
  for (const name of ['n', 'é', 'n'.repeat(256), undefined]) {
    const cache = open({ name })
    t.is(cache.name, name)
    cache[Symbol.dispose]()
  }
  for (const name of ['', 'n'.repeat(257)]) {
    t.throws(() => open({ name }), {
      instanceOf: RangeError,
      code: 'ERR_OUT_OF_RANGE',
      message: new RegExp(`"name" option.* from 1 to 256 characters\\. Received ${name.length}$`),
    })
  }
  for (const name of [null, 1, true, Buffer.from('n'), {}, Symbol('n')]) {
    t.throws(() => open({ name }), {
      instanceOf: TypeError,
      code: 'ERR_INVALID_ARG_TYPE',
      message: /^The "name" option must be a string\. Received /,
    })
  }
})

test('cache options: the error of a misspelled option suggests the right one', t => {
  for (const [misspelled, meant] of [
    ['Max', 'max'],
    ['maxsize', 'maxSize'],
    ['max_size', 'maxSize'],
    ['max-size', 'maxSize'],
    ['maxSizes', 'maxSize'],
    ['TTL', 'ttl'],
    ['tll', 'ttl'],
    ['sweepIntervall', 'sweepInterval'],
    ['sweepIntrval', 'sweepInterval'],
    ['ticketPerPeer', 'ticketsPerPeer'],
    ['singleuse', 'singleUse'],
    ['nam', 'name'],
  ]) {
    t.throws(() => open({ [misspelled as string]: 1 }), {
      instanceOf: TypeError,
      code: 'ERR_TLS_RESUMPTION_UNKNOWN_OPTION',
      message: `Unknown option '${misspelled}': did you mean '${meant}'?`,
    })
  }
})

test('cache options: the error of an unknown option lists all options', t => {
  t.throws(() => open({ capacity: 1 }), {
    instanceOf: TypeError,
    code: 'ERR_TLS_RESUMPTION_UNKNOWN_OPTION',
    message:
      "Unknown option 'capacity': the options are name, path, serves, maxSession, max, maxSize, ttl, sweepInterval, ticketsPerPeer, singleUse",
  })
})

test('cache options: an unknown option is rejected even if it is undefined', t => {
  t.throws(() => open({ capacity: undefined }), { code: 'ERR_TLS_RESUMPTION_UNKNOWN_OPTION' })
})

test('cache options: anything but an object is rejected', t => {
  for (const options of [null, 1, 'name', true, [], () => {}]) {
    t.throws(() => open(options), {
      instanceOf: TypeError,
      code: 'ERR_INVALID_ARG_TYPE',
      message: /^The "options" argument must be an object\. Received /,
    })
  }
  t.notThrows(() => open(undefined))
  t.notThrows(() => open({}))
})

test('cache: calling SessionCache without new throws', t => {
  t.throws(() => (SessionCache as unknown as () => void)(), { instanceOf: TypeError })
})

const wrongStoreOptions: [options: unknown, code: string, message: string | RegExp][] = [
  [null, 'ERR_INVALID_ARG_TYPE', /"options" argument must be an object\. Received null$/],
  ['60', 'ERR_INVALID_ARG_TYPE', /"options" argument must be an object/],
  [{ ttl: '60' }, 'ERR_INVALID_ARG_TYPE', /"ttl" option must be a number/],
  [{ ttl: null }, 'ERR_INVALID_ARG_TYPE', /"ttl" option must be a number/],
  [{ ttl: 0 }, 'ERR_OUT_OF_RANGE', /"ttl" option.* Received 0$/],
  [{ ttl: -1 }, 'ERR_OUT_OF_RANGE', /"ttl" option.* Received -1$/],
  [{ ttl: 1.5 }, 'ERR_OUT_OF_RANGE', /"ttl" option.* Received 1\.5$/],
  [{ ttl: Number.NaN }, 'ERR_OUT_OF_RANGE', /"ttl" option.* Received NaN$/],
  [{ ttl: Infinity }, 'ERR_OUT_OF_RANGE', /"ttl" option.* Received Infinity$/],
  [{ reusable: 1 }, 'ERR_INVALID_ARG_TYPE', /"reusable" option must be a boolean/],
  [{ reusable: null }, 'ERR_INVALID_ARG_TYPE', /"reusable" option must be a boolean/],
  [{ TTL: 1 }, 'ERR_TLS_RESUMPTION_UNKNOWN_OPTION', "Unknown option 'TTL': did you mean 'ttl'?"],
  [{ age: 1 }, 'ERR_TLS_RESUMPTION_UNKNOWN_OPTION', "Unknown option 'age': the options are ttl, reusable"],
]

for (const write of ['set', 'add'] as const) {
  const store = (options: unknown) => {
    const cache = new SessionCache()
    cache[write]('peer', Buffer.from('a session'), options as object)
    return cache.size
  }

  test(`cache: ${write} validates its options`, t => {
    for (const options of [undefined, {}, { ttl: 1 }, { ttl: undefined, reusable: true }]) {
      t.is(store(options), 1)
    }
    for (const [options, code, message] of wrongStoreOptions)
      t.throws(() => store(options), { code, message })
  })

  test(`cache: ${write} accepts a ttl above the limit of seven days and caps it`, t => {
    t.is(store({ ttl: Number.MAX_SAFE_INTEGER }), 1)
  })
}

test('cache options: a getter that disposes of the cache makes the call fail, and nothing is stored', t => {
  const cache = new SessionCache()
  const opened: SessionCache[] = []
  const options = {
    get ttl() {
      cache[Symbol.dispose]()
      opened.push(new SessionCache()) // It gets the handle that was just closed.
      return 1000
    },
  }
  t.throws(() => cache.set('peer', Buffer.from('a session'), options), {
    code: 'ERR_TLS_RESUMPTION_DISPOSED',
  })
  t.deepEqual(
    opened.map(({ size }) => size),
    opened.map(() => 0),
  )
})

test('cache options: an object whose getters throw is rejected with a code', t => {
  const hostile = {
    get constructor(): never {
      throw new Error('from the getter')
    },
  }
  t.throws(() => new SessionCache({ max: hostile as never }), { code: 'ERR_INVALID_ARG_TYPE' })
  t.throws(() => connect({ port: 1, sessionCache: hostile as never }), { code: 'ERR_INVALID_ARG_TYPE' })
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

for (const key of ['a', 'db.example:5432', 'é', 'ключ', '鍵', '🔑', 'a\0b', '\0', ' ', 'line\nbreak']) {
  test(`cache key: the string ${JSON.stringify(key)} equals its UTF-8 bytes`, t => {
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

test('cache key: keys that differ in one byte, in case or in length are different', t => {
  const keys = ['a', 'A', 'b', 'aa', 'a ', ' a', 'a\0', 'á', 'a\u0301']
  const cache = new SessionCache()
  for (const key of keys) cache.set(key, Buffer.from(`of ${key}`))
  t.is(cache.size, keys.length)
  for (const key of keys) t.is(cache.get(key)?.toString(), `of ${key}`)
})

test('cache key: bytes that are not UTF-8 are accepted', t => {
  const cache = new SessionCache().set(Buffer.from([0xff, 0xfe, 0x00]), session)
  t.true(cache.has(Uint8Array.of(0xff, 0xfe, 0x00)))
  t.false(cache.has(Uint8Array.of(0xff, 0xfd, 0x00)))
  t.false(cache.has(Uint8Array.of(0xff, 0xfe)))
})

test('cache key: half a surrogate pair is a key of its own, not the replacement character', t => {
  const cache = new SessionCache().set('\ud83d', session)
  t.true(cache.has('\ud83d'))
  t.false(cache.has('\ufffd'))
  t.false(cache.has(Buffer.from('\ud83d')))
})

test('cache key: a view of a larger array is a key of its own bytes', t => {
  const whole = Buffer.from('xxkeyxx')
  const cache = new SessionCache().set(whole.subarray(2, 5), session)
  t.true(cache.has('key'))
  t.false(cache.has(whole))
})

test('cache key: changing the array after a call does not change the key', t => {
  const key = Buffer.from('key')
  const cache = new SessionCache().set(key, session)
  key.fill('x')
  t.true(cache.has('key'))
  t.false(cache.has('xxx'))
})

// V8 stores strings of one-byte and of two-byte characters differently, and either may be cut at any place.
const longest = {
  'one-byte characters': 'k'.repeat(4096),
  'two-byte characters': 'é'.repeat(2048),
  'three-byte characters': `${'鍵'.repeat(1365)}k`,
  'four-byte characters': '🔑'.repeat(1024),
}
for (const [kind, key] of Object.entries(longest)) {
  test(`cache key: 4096 bytes of ${kind} are accepted and compared to the last byte`, t => {
    t.is(Buffer.byteLength(key), 4096)
    const cache = new SessionCache().set(key, session)
    t.deepEqual(cache.get(Buffer.from(key)), session)
    t.false(cache.has(key.slice(0, -2)))
    t.false(cache.has(`x${key.slice(kind === 'four-byte characters' ? 2 : 1)}`))
    t.deepEqual(cache.take(key), session)
  })

  for (const extra of ['k', 'é', '鍵', '🔑']) {
    test(`cache key: every method rejects 4096 bytes of ${kind} with one ${extra} more`, t => {
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

test('cache key: every method rejects an empty key', t => {
  const cache = new SessionCache()
  for (const use of Object.values(methods)) {
    for (const key of ['', new Uint8Array()]) {
      const expected = { instanceOf: RangeError, code: 'ERR_OUT_OF_RANGE', message: /"key".* Received 0$/ }
      t.throws(() => use(cache, key), expected)
    }
  }
})

test('cache key: every method rejects another type and names it', t => {
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

test('cache arguments: an own property `buffer` does not hide shared memory', t => {
  const cache = new SessionCache()
  const shared = new Uint8Array(new SharedArrayBuffer(3))
  Object.defineProperty(shared, 'buffer', { value: new ArrayBuffer(3) })
  const expected = { code: 'ERR_INVALID_ARG_TYPE', message: /SharedArrayBuffer$/ }
  t.throws(() => cache.set('key', shared), expected)
  t.throws(() => cache.get(shared), expected)
  const own = new Uint8Array(3)
  Object.defineProperty(own, 'buffer', { value: new SharedArrayBuffer(3) })
  cache.set(own, own)
  t.is(cache.get(own)?.length, 3)
})

test('cache key: every method rejects shared memory, which could change during the call', t => {
  const key = new Uint8Array(new SharedArrayBuffer(3))
  for (const use of Object.values(methods)) {
    const expected = { instanceOf: TypeError, code: 'ERR_INVALID_ARG_TYPE', message: /SharedArrayBuffer$/ }
    t.throws(() => use(new SessionCache(), key), expected)
  }
})
