import { randomBytes } from 'node:crypto'
import test from 'ava'
import fc from 'fast-check'
import {
  decodeVerification,
  encodeVerification,
  isCurrent,
  isDueForRenewal,
  RECORD_LENGTH,
  type Verification,
} from '../../dist/session/verified-session.js'

const NOW = Date.parse('2026-01-01')
const DAY = 86_400_000

const verification = (more: Partial<Verification> = {}): Verification => ({
  chainDigest: randomBytes(32),
  isChainVerified: true,
  verifiedAt: NOW,
  goodFrom: NOW - DAY,
  goodUntil: NOW + 30 * DAY,
  ...more,
})

test('verified session: a record gives back the verification that it was made of', t => {
  const time = fc.oneof(fc.integer(), fc.constantFrom(Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY))
  fc.assert(
    fc.property(
      fc.record({
        chainDigest: fc.uint8Array({ minLength: 32, maxLength: 32 }).map(bytes => Buffer.from(bytes)),
        isChainVerified: fc.boolean(),
        verifiedAt: fc.integer(),
        goodFrom: time,
        goodUntil: time,
      }),
      original => {
        const record = encodeVerification(original)
        t.is(record.length, RECORD_LENGTH)
        t.deepEqual(decodeVerification(record), original)
      },
    ),
  )
})

test('verified session: a record of zeros, as of a session from outside, is no verification', t => {
  t.is(decodeVerification(Buffer.alloc(RECORD_LENGTH)), undefined)
  t.is(decodeVerification(Buffer.alloc(0)), undefined)
})

test('verified session: what is decoded does not change with the memory it was read from', t => {
  const original = verification()
  const record = encodeVerification(original)
  const decoded = decodeVerification(record)
  record.fill(0)
  t.deepEqual(decoded, original)
})

test('verified session: it is current until maxAge has passed since the verification', t => {
  t.true(isCurrent(verification(), DAY, NOW))
  t.true(isCurrent(verification(), DAY, NOW + DAY))
  t.false(isCurrent(verification(), DAY, NOW + DAY + 1))
  t.true(isCurrent(verification(), 2 * DAY, NOW + DAY + 1), 'maxAge is that of the caller')
})

test('verified session: it is current until the first certificate or CRL runs out', t => {
  const short = verification({ goodUntil: NOW + 1000 })
  t.true(isCurrent(short, DAY, NOW + 999))
  t.false(isCurrent(short, DAY, NOW + 1000))
})

test('verified session: a clock that was put back makes it not current', t => {
  t.true(isCurrent(verification(), DAY, NOW - 30_000), 'as time servers do')
  t.false(isCurrent(verification(), DAY, NOW - 61_000))
  t.false(isCurrent(verification({ goodFrom: NOW - 1000 }), DAY, NOW - 2000), 'not valid yet')
})

test('verified session: times that are no numbers make it not current', t => {
  for (const field of ['verifiedAt', 'goodFrom', 'goodUntil']) {
    t.false(isCurrent(verification({ [field]: Number.NaN }), DAY, NOW), field)
  }
})

test('verified session: its renewal is due at a point between 80 and 100 % of maxAge, the same each time', t => {
  const points: number[] = []
  for (let round = 0; round < 200; round++) {
    const each = verification({ verifiedAt: NOW + round * 1000 })
    const isDue = (age: number) => isDueForRenewal(each, 1000, each.verifiedAt + age)
    let age = 0
    while (!isDue(age)) age++
    points.push(age)
    for (let later = age; later <= 1000; later++) t.true(isDue(later))
  }
  t.true(Math.min(...points) >= 800 && Math.max(...points) <= 1000)
  // Spread over the range, or the sessions of all peers would end at once.
  for (const from of [800, 850, 900, 950]) t.true(points.some(point => point >= from && point < from + 50))
})
