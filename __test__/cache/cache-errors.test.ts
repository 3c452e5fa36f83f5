import { inspect } from 'node:util'
import test from 'ava'
import { type CodedError, SessionCache } from 'tls-resumption'

/** What a wrong call throws. */
function thrown(call: () => unknown): CodedError {
  try {
    call()
  } catch (error) {
    return error as CodedError
  }
  throw new Error('nothing was thrown')
}

const any = (value: unknown) => value as never

test('an error shows its code as those of Node do, and stays a plain error of its class', t => {
  const error = thrown(() => new SessionCache({ max: 0 }))
  t.is(error.code, 'ERR_OUT_OF_RANGE')
  t.is(error.name, 'RangeError')
  t.regex(error.stack ?? '', /^RangeError \[ERR_OUT_OF_RANGE\]: The "max" option/)
  t.true(Object.keys(error).includes('code'), 'the code is enumerable, as it is on errors of Node')
})

test('the stack of an error leads to the call that was wrong', t => {
  t.regex(thrown(() => new SessionCache({ max: 0 })).stack ?? '', /cache-errors\.test/)
})

const secret = 'the pre-shared key'
const blob = Buffer.from(secret)

// Whatever form of the bytes a message could have: text, hex, base64, or the numbers.
const forms = [secret, blob.toString('hex'), blob.toString('base64'), [...blob].join(), [...blob].join(', ')]

test('no error says what is in a blob', t => {
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

test('no error shows a blob that was given as a string', t => {
  const asString = blob.toString('base64')
  const error = thrown(() => new SessionCache().set('peer', any(asString)))
  t.is(error.code, 'ERR_INVALID_ARG_TYPE')
  t.false(inspect(error).includes(asString), error.message)
})

test('no cache shows what it holds', t => {
  const cache = new SessionCache({ name: 'shown' }).set('peer', blob)
  const shown = inspect(cache, { depth: 10, showHidden: true }) + JSON.stringify(cache) + String(cache)
  for (const form of forms) t.false(shown.includes(form))
  cache[Symbol.dispose]()
})
