import { execFile } from 'node:child_process'
import { inspect, promisify } from 'node:util'
import test from 'ava'
import { type CodedError, SessionCache } from 'tls-resumption'

const run = promisify(execFile)

/** Returns the error that a call throws. */
function thrown(call: () => unknown): CodedError {
  try {
    call()
  } catch (error) {
    return error as CodedError
  }
  throw new Error('nothing was thrown')
}

const any = (value: unknown) => value as never

test('errors: the stack shows the code as errors of Node.js do', t => {
  const error = thrown(() => new SessionCache({ max: 0 }))
  t.is(error.code, 'ERR_OUT_OF_RANGE')
  t.is(error.name, 'RangeError')
  t.regex(error.stack ?? '', /^RangeError \[ERR_OUT_OF_RANGE\]: The "max" option/)
  t.true(Object.keys(error).includes('code'), 'the code is enumerable, as on errors of Node.js')
})

test('errors: the stack leads to the invalid call', t => {
  t.regex(thrown(() => new SessionCache({ max: 0 })).stack ?? '', /cache-errors\.test/)
})

const secret = 'the pre-shared key'
const blob = Buffer.from(secret)

// The forms in which a message could show the bytes: text, hex, base64 or numbers.
const forms = [secret, blob.toString('hex'), blob.toString('base64'), [...blob].join(), [...blob].join(', ')]

test('errors: no error shows the content of a session blob', t => {
  const cache = new SessionCache({ maxSize: 4 })
  const disposedOf = new SessionCache()
  disposedOf[Symbol.dispose]()
  const shared = new Uint8Array(new SharedArrayBuffer(blob.length))
  shared.set(blob)
  const errors = [
    thrown(() => cache.set('peer', blob)),
    thrown(() => cache.add('peer', blob)),
    thrown(() => cache.set('', blob)),
    thrown(() => cache.set(any(blob.buffer), blob)),
    thrown(() => cache.set('peer', any([...blob]))),
    thrown(() => cache.set('peer', any({ blob, toString: () => secret, toJSON: () => secret }))),
    thrown(() => cache.set('peer', any(new DataView(blob.buffer, blob.byteOffset, blob.length)))),
    thrown(() => cache.set('peer', any(new Uint16Array(blob.buffer.slice(0, 16))))),
    thrown(() => cache.set('peer', shared)),
    thrown(() => cache.set('peer', blob, { ttl: 0 })),
    thrown(() => cache.set('peer', blob, any(blob))),
    thrown(() => cache.set(any([blob]), blob)),
    thrown(() => disposedOf.set('peer', blob)),
  ]
  for (const error of errors) {
    t.regex(error.code, /^ERR_/)
    const shown = inspect(error, { depth: 10, showHidden: true })
    for (const form of forms) t.false(shown.includes(form), shown)
  }
})

test('errors: no error shows a session blob that was passed as a string', t => {
  const asString = blob.toString('base64')
  const error = thrown(() => new SessionCache().set('peer', any(asString)))
  t.is(error.code, 'ERR_INVALID_ARG_TYPE')
  t.false(inspect(error).includes(asString), error.message)
})

test('cache: inspecting a cache shows no session', t => {
  const cache = new SessionCache({ name: 'shown' }).set('peer', blob)
  const shown = inspect(cache, { depth: 10, showHidden: true }) + JSON.stringify(cache) + String(cache)
  for (const form of forms) t.false(shown.includes(form))
  cache[Symbol.dispose]()
})

test('cache: without address space the constructor throws a coded error, and other caches work', t => {
  const opened: SessionCache[] = []
  const openAll = () => {
    // The address space of a process has room for some hundreds of these. None of them takes memory.
    for (let count = 0; count < 2000; count++) {
      opened.push(new SessionCache({ max: 123_456, maxSize: 2 ** 37 - 1 }))
    }
  }
  const error = t.throws(openAll, { code: 'ERR_TLS_RESUMPTION_NO_MEMORY' })
  t.regex(
    error?.message ?? '',
    /no address space for \d+ bytes more, which max 123456 and maxSize 137438953471 ask for/,
  )
  t.true(opened.length > 0)
  for (const cache of opened) cache[Symbol.dispose]()
  t.is(new SessionCache().set('peer', Buffer.from('a session')).size, 1)
})

test('cache: without address space nothing is printed', async t => {
  const program = `
    import { SessionCache } from 'tls-resumption'
    const opened = []
    try {
      for (let count = 0; count < 2000; count++) opened.push(new SessionCache({ maxSize: 2 ** 37 - 1 }))
    } catch (error) {
      console.log(error.code)
    }
  `
  const { stdout, stderr } = await run(process.execPath, ['--input-type=module', '--eval', program], {
    env: { ...process.env, NODE_OPTIONS: '' },
  })
  t.is(stdout, 'ERR_TLS_RESUMPTION_NO_MEMORY\n')
  t.is(stderr, '')
})

test('errors: a ttl above seven days and a rotateEvery below a second are accepted with one warning each', async t => {
  const program = `
    import { SessionCache, TicketKeys } from 'tls-resumption'
    const week = 7 * 24 * 60 * 60 * 1000
    for (const ttl of [week, week + 1, week + 1]) new SessionCache({ ttl })
    for (const rotateEvery of [0, 1000, 999]) new TicketKeys({ rotateEvery })
    process.on('warning', ({ code, message }) => console.log(code, message))
  `
  const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', program])
  const code = 'TLS_RESUMPTION_UNUSUAL_VALUE'
  t.deepEqual(stdout.trim().split('\n'), [
    `${code} No session lives for a "ttl" of 604800001 ms: seven days (604800000 ms) are the limit`,
    `${code} A "rotateEvery" of 999 ms makes a new ticket key that often: is it in milliseconds?`,
  ])
})
