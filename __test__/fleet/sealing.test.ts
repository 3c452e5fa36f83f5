/** Sealed blobs open only at their record location, and reveal nothing. */
import { createSecretKey, randomBytes } from 'node:crypto'
import test from 'ava'
import { SealingKeys } from '../../dist/fleet/sealing.js'

const secret = Buffer.from('a session whose bytes are secret')
const place = { kind: 'session', key: Buffer.from('here') } as const

test('seal: a blob of any length opens again', t => {
  const keys = new SealingKeys([randomBytes(32)])
  for (const length of [0, 1, 15, 16, 17, 2000, 70_000]) {
    const bytes = randomBytes(length)
    t.deepEqual(keys.open(place, keys.seal(place, bytes)), bytes)
  }
})

test('seal: two blobs of one secret have nothing in common', t => {
  const keys = new SealingKeys([randomBytes(32)])
  const blobs = Array.from({ length: 50 }, () => keys.seal(place, secret))
  for (const blob of blobs) t.false(blob.includes(secret.subarray(0, 8)))
  const bodies = new Set(blobs.map(blob => blob.toString('latin1', 9)))
  const bodyStarts = new Set(blobs.map(blob => blob.toString('latin1', 41, 49)))
  t.deepEqual([bodies.size, bodyStarts.size], [blobs.length, blobs.length])
})

test('open: a changed bit and a changed length are rejected', t => {
  const keys = new SealingKeys([randomBytes(32)])
  const blob = keys.seal(place, secret)
  for (let bit = 0; bit < blob.length * 8; bit++) {
    const damaged = Buffer.from(blob)
    const at = bit >> 3
    damaged[at] = (damaged[at] ?? 0) ^ (1 << (bit & 7))
    if (keys.open(place, damaged) !== undefined) t.fail(`bit ${bit}`)
  }
  for (let length = 0; length < blob.length; length++) {
    if (keys.open(place, blob.subarray(0, length)) !== undefined) t.fail(`${length} bytes`)
  }
  t.is(keys.open(place, Buffer.concat([blob, Buffer.alloc(1)])), undefined)
  t.deepEqual(keys.open(place, blob), secret)
})

test('open: a blob opens only at its record location', t => {
  const keys = new SealingKeys([randomBytes(32)])
  const blob = keys.seal(place, secret)
  t.is(keys.open({ kind: 'session', key: Buffer.from('there') }, blob), undefined)
  t.is(keys.open({ kind: 'ring', key: place.key }, blob), undefined)
  t.is(new SealingKeys([randomBytes(32)]).open(place, blob), undefined)
})

test('keys: the first one seals and all open, so that they can be changed host by host', t => {
  const [before, after] = [randomBytes(32), randomBytes(32)]
  const steps = [[before], [before, after], [after, before], [after]].map(list => new SealingKeys(list))
  for (const [index, one] of steps.entries()) {
    for (const other of steps.slice(Math.max(0, index - 1), index + 2)) {
      t.deepEqual(other.open(place, one.seal(place, secret)), secret)
      t.true(other.namesOf(place).includes(one.namesOf(place)[0] ?? ''), 'and it is found')
    }
  }
  const [first, , , last] = steps
  const blob = first?.seal(place, secret) ?? Buffer.alloc(0)
  t.is(last?.open(place, blob), undefined)
})

test('keys: a KeyObject is the same key as its bytes', t => {
  const key = randomBytes(32)
  const [one, other] = [new SealingKeys([key]), new SealingKeys([createSecretKey(key)])]
  t.deepEqual(other.open(place, one.seal(place, secret)), secret)
  t.deepEqual(one.namesOf(place), other.namesOf(place))
})

test('names: they differ by key and kind of the location, and reveal neither', t => {
  const keys = new SealingKeys([randomBytes(32)])
  const names = [
    place,
    { kind: 'ring', key: place.key } as const,
    { kind: 'session', key: Buffer.from('there') } as const,
  ].flatMap(each => keys.namesOf(each))
  t.is(new Set(names).size, 3)
  for (const name of names) t.regex(name, /^[\w-]{32}$/)
})

const key = randomBytes(32)
for (const [what, keys, code] of [
  ['no list', key, 'ERR_INVALID_ARG_TYPE'],
  ['nothing', undefined, 'ERR_INVALID_ARG_TYPE'],
  ['an empty list', [], 'ERR_INVALID_ARG_TYPE'],
  ['a password', ['correct horse battery staple pass'], 'ERR_INVALID_ARG_TYPE'],
  ['16 bytes', [randomBytes(16)], 'ERR_INVALID_ARG_TYPE'],
  ['33 bytes', [randomBytes(33)], 'ERR_INVALID_ARG_TYPE'],
  ['a KeyObject of 16 bytes', [createSecretKey(randomBytes(16))], 'ERR_INVALID_ARG_TYPE'],
  ['zeros', [Buffer.alloc(32)], 'ERR_TLS_RESUMPTION_SEALING_KEY'],
  ['zeros in a KeyObject', [createSecretKey(Buffer.alloc(32))], 'ERR_TLS_RESUMPTION_SEALING_KEY'],
  ['one key twice', [key, randomBytes(32), createSecretKey(key)], 'ERR_TLS_RESUMPTION_SEALING_KEY'],
] as const) {
  test(`keys: ${what} is rejected without being shown`, t => {
    const error = t.throws(() => new SealingKeys(keys), { code })
    t.false(error.message.includes('horse'))
  })
}
