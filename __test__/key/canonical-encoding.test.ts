/** What is digested for a key must say everything: no two values may be written alike. */
import { isDeepStrictEqual } from 'node:util'
import test from 'ava'
import fc from 'fast-check'
import { sessionKey } from 'tls-resumption'
import { encode, OpaqueValue } from '../../dist/key/canonical-encoding.js'

// What the encoding itself is made of, so that values resemble each other's encodings.
const text = fc.string({ unit: fc.constantFrom('a', '5', ',', ':', '"', '[', ']', '{', '}', '\\', '\ud800') })
const leaf = fc.oneof(
  text,
  fc.constantFrom('null', 'undefined', 'undefined:undefined', 'number:5', 'boolean:true', 'bytes:'),
  fc.constantFrom(5, 55, 5n, true, false, null, undefined, Number.NaN),
  text.map(value => Buffer.from(value)),
)
const { value } = fc.letrec<{ value: unknown }>(tie => ({
  value: fc.oneof(
    { depthSize: 'small', maxDepth: 3 },
    leaf,
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(text, tie('value'), { maxKeys: 3, noNullPrototype: true }),
  ),
}))

test('values are written alike if and only if they are equal', t => {
  fc.assert(
    fc.property(
      value,
      value,
      (one, other) => (encode(one) === encode(other)) === isDeepStrictEqual(one, other),
    ),
    { numRuns: 5000 },
  )
  t.pass()
})

test('a list is not written as another list of values that are written next to each other', t => {
  fc.assert(
    fc.property(fc.array(leaf, { maxLength: 4 }), fc.array(leaf, { maxLength: 4 }), (one, other) => {
      const isSame = isDeepStrictEqual(one, other)
      return (
        (encode(one) === encode(other)) === isSame && (isSame || encode([one, 'a']) !== encode([other, 'a']))
      )
    }),
    { numRuns: 5000 },
  )
  t.pass()
})

const DIFFERENT: Record<string, [unknown, unknown]> = {
  'a number and its digits': [5, '5'],
  'a bigint and a number': [5n, 5],
  'null and undefined': [null, undefined],
  'null and its name': [null, 'null'],
  'undefined and its name': [undefined, 'undefined'],
  'true and its name': [true, 'true'],
  'nothing and an empty text': [undefined, ''],
  'one item with a comma and two items': [['a,b'], ['a', 'b']],
  'one item with quotes and two items': [['a","b'], ['a', 'b']],
  'a list and its only item': [['a'], 'a'],
  'a list in a list': [[['a']], ['a']],
  'an empty list and a list of nothing': [[], [undefined]],
  'a list and an object with its indices': [['a'], { 0: 'a' }],
  'a value moved to a neighbouring key': [{ a: 'x', b: 'y' }, { a: 'x","b":"y' }],
  'a key and no key': [{ a: undefined }, {}],
  'a key with a value in it': [{ a: 'x', b: 'y' }, { 'a:"x",b': 'y' }],
  'bytes and their text': [Buffer.from('PEM'), 'PEM'],
  'bytes that differ': [Buffer.from('PEM'), Buffer.from('PEN')],
  'bytes and nothing': [Buffer.alloc(0), undefined],
  'a part of memory and all of it': [Buffer.from('PEM').subarray(1), Buffer.from('PEM')],
  'lone surrogates': ['\ud800', '\udbff'],
  'a lone surrogate and what stands for it': ['\ud800', '\ufffd'],
  'lone surrogates in keys': [{ '\ud800': 1 }, { '\udbff': 1 }],
}

for (const [what, [one, other]] of Object.entries(DIFFERENT)) {
  test(`encoding: these differ: ${what}`, t => {
    t.not(encode(one), encode(other))
    t.not(encode([one]), encode([other]))
    t.not(encode({ key: one }), encode({ key: other }))
  })
}

test('encoding: bytes count by their content, whatever holds them', t => {
  const bytes = Buffer.from('PEM')
  const own = new Uint8Array(bytes)
  for (const same of [own, own.buffer, new DataView(own.buffer), Buffer.from('xPEM').subarray(1)]) {
    t.is(encode(same), encode(bytes))
  }
})

test('the order of the properties is no difference', t => {
  t.is(encode({ a: 1, b: [2] }), encode({ b: [2], a: 1 }))
  t.is(encode(Object.assign(Object.create(null), { a: 1 })), encode({ a: 1 }))
})

class Instance {
  pem = 'KEY'
}

const OPAQUE: Record<string, unknown> = {
  'an instance of a class': new Instance(),
  'a text made by new': Object('PEM'),
  'a function': () => 'PEM',
  'a symbol': Symbol('PEM'),
  'a Map': new Map([['a', 1]]),
  'a Date': new Date(0),
  'an object that inherits': Object.create({ pem: 'KEY' }),
  'an object with something hidden': Object.defineProperty({}, 'pem', { value: 'KEY' }),
  'an object with a symbol': { [Symbol('pem')]: 'KEY' },
  'a depth without an end': [[[[[['a']]]]]],
}

for (const [what, opaque] of Object.entries(OPAQUE)) {
  test(`not to be written out: ${what}`, t => {
    t.throws(() => encode(opaque), { instanceOf: OpaqueValue })
    t.throws(() => encode([opaque]), { instanceOf: OpaqueValue })
    t.throws(() => encode({ key: opaque }), { instanceOf: OpaqueValue })
  })
}

test('what contains itself is not written out, and ends', t => {
  const loop: unknown[] = []
  loop.push(loop)
  t.throws(() => encode(loop), { instanceOf: OpaqueValue })
})

test('server names and secrets that differ in a lone surrogate have different keys', t => {
  const base = { host: 'db.example', port: 5432 }
  for (const option of ['servername', 'passphrase', 'cachePartition', 'host', 'path']) {
    t.not(sessionKey({ ...base, [option]: '\ud800' }), sessionKey({ ...base, [option]: '\udbff' }), option)
  }
})
