import test from 'ava'
import { SessionCache } from 'tls-resumption'

const open = (options: unknown) => new SessionCache(options as object)

const numbers: Record<string, { least: number; most: number }> = {
  max: { least: 1, most: 100_000_000 },
  maxSize: { least: 1, most: 2 ** 37 - 1 },
  ttl: { least: 1, most: Number.MAX_SAFE_INTEGER },
  sweepInterval: { least: 0, most: 2 ** 31 - 1 },
  ticketsPerPeer: { least: 1, most: 255 },
}

for (const [option, { least, most }] of Object.entries(numbers)) {
  test(`${option} takes integers from ${least} to ${most}`, t => {
    for (const value of [least, least + 1, most - 1, most]) {
      t.notThrows(() => open({ [option]: value })[Symbol.dispose](), String(value))
    }
    t.notThrows(() => open({ [option]: undefined }))
  })

  test(`${option} refuses any other number, saying which are fine and what came`, t => {
    for (const value of [least - 1, -1, most + 1, 1.5, 0.5, Number.NaN, Infinity, -Infinity, 2 ** 64]) {
      t.throws(() => open({ [option]: value }), {
        instanceOf: RangeError,
        code: 'ERR_OUT_OF_RANGE',
        message: `The "${option}" option must be an integer from ${least} to ${most}. Received ${value}`,
      })
    }
  })

  test(`${option} refuses what is no number, saying what came`, t => {
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

test('singleUse takes booleans alone', t => {
  for (const singleUse of [true, false, undefined]) t.notThrows(() => open({ singleUse }))
  for (const singleUse of [null, 0, 1, 'true', {}]) {
    t.throws(() => open({ singleUse }), {
      instanceOf: TypeError,
      code: 'ERR_INVALID_ARG_TYPE',
      message: /^The "singleUse" option must be a boolean\. Received /,
    })
  }
})

test('name takes strings of 1 to 256 characters', t => {
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

test('a misspelled option is refused with the one that was meant', t => {
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

test('an unknown option is refused with all that there are', t => {
  t.throws(() => open({ capacity: 1 }), {
    instanceOf: TypeError,
    code: 'ERR_TLS_RESUMPTION_UNKNOWN_OPTION',
    message:
      "Unknown option 'capacity': the options are name, max, maxSize, ttl, sweepInterval, ticketsPerPeer, singleUse",
  })
})

test('an unknown option is refused even if it is undefined', t => {
  t.throws(() => open({ capacity: undefined }), { code: 'ERR_TLS_RESUMPTION_UNKNOWN_OPTION' })
})

test('options that are no object are refused', t => {
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

test('SessionCache is not to be called without new', t => {
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

  test(`${write} checks its options as well`, t => {
    for (const options of [undefined, {}, { ttl: 1 }, { ttl: undefined, reusable: true }]) {
      t.is(store(options), 1)
    }
    for (const [options, code, message] of wrongStoreOptions)
      t.throws(() => store(options), { code, message })
  })

  test(`${write} takes a ttl beyond any that is kept, and leaves it to the cap`, t => {
    t.is(store({ ttl: Number.MAX_SAFE_INTEGER }), 1)
  })
}
