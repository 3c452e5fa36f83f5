/** What hosts with a ring of one name agree on, step by step. */
import { randomBytes } from 'node:crypto'
import test from 'ava'
import fc from 'fast-check'
import {
  decodeState,
  encodeState,
  inOrder,
  mergeRules,
  type OwnState,
  plan,
  type RingState,
  type TimedKey,
} from '../../dist/server/tickets/ring-state.js'

const HOUR = 3_600_000
const NOW = 1_000 * HOUR
const LEAD = 6000
const rules = { rotateEvery: HOUR, keep: 3 }

const keyFrom = (from: number): TimedKey => ({ key: randomBytes(48), from })
const state = (keys: TimedKey[], lineage = 'aa'.repeat(16), generation = 5): RingState => ({
  lineage,
  generation,
  rules,
  keys,
})
const request = (rotations: number, ...keys: Buffer[]) => ({ rotations, keys, endsWithKey: keys.length > 0 })
/** Returns a host that has the state. */
const having = ({ lineage, generation, keys }: RingState): OwnState => ({
  lineage,
  generation,
  keys: [...keys],
  isUnused: false,
})
const newcomer = (isUnused = true): OwnState => ({
  lineage: undefined,
  generation: 0,
  keys: [keyFrom(NOW)],
  isUnused,
})
const decided = (result: ReturnType<typeof plan>): RingState => {
  const decision = result.write ?? result.adopt
  if (!decision) throw new Error('nothing was decided')
  return decision
}

test('plan: the first host writes its key to an empty store', t => {
  const own = newcomer()
  const { adopt, write } = plan(undefined, own, NOW, rules, undefined)
  t.is(adopt, undefined)
  t.deepEqual(write?.keys, own.keys)
  t.is(write?.generation, 1)
  t.regex(write?.lineage ?? '', /^[0-9a-f]{32}$/)
})

test('plan: without a usable key anywhere one is made that is active at once', t => {
  const stored = state([keyFrom(NOW - 4 * HOUR)])
  for (const found of [undefined, stored]) {
    for (const keys of [[], [keyFrom(NOW - 3 * HOUR)]]) {
      for (const wish of [undefined, request(1)]) {
        const { write } = plan(found, having(state(keys)), NOW, rules, wish)
        t.deepEqual(
          write?.keys.map(({ from }) => from),
          [NOW],
        )
      }
    }
  }
})

test('plan: a new host adopts the record, and does not add a key that it has not used', t => {
  const stored = state([keyFrom(NOW - 1000)])
  t.deepEqual(plan(stored, newcomer(), NOW, rules, undefined), { adopt: stored, write: undefined })
})

test('plan: a new host adds the key that it has used while there is room', t => {
  const own = newcomer(false)
  const roomy = state([keyFrom(NOW - 2000), keyFrom(NOW - HOUR)])
  const { write } = plan(roomy, own, NOW, rules, undefined)
  const [head, older] = roomy.keys
  // Other hosts do not have it yet, so it does not encrypt.
  t.deepEqual(write?.keys, [head, { ...own.keys[0], from: NOW - 2001 }, older])
  const full = state([...roomy.keys, keyFrom(NOW - 2 * HOUR)])
  t.deepEqual(plan(full, own, NOW, rules, undefined), { adopt: full, write: undefined })
})

test('plan: the next key is pending for the activation lead time', t => {
  const [head, older] = [keyFrom(NOW - HOUR + LEAD), keyFrom(NOW - 2 * HOUR + LEAD)]
  const stored = state([head, older])
  t.is(plan(stored, having(stored), NOW - 1, rules, undefined).write, undefined, 'not yet')
  const { write } = plan(stored, having(stored), NOW, rules, undefined)
  const [next] = write?.keys ?? []
  t.is(next?.from, NOW + LEAD)
  t.deepEqual(write?.keys.slice(1), stored.keys)
  t.is(inOrder(write as RingState, NOW)[0], head)
  t.is(inOrder(write as RingState, NOW + LEAD - 1)[0], head)
  t.is(inOrder(write as RingState, NOW + LEAD)[0], next)
  t.is(plan(write, having(write as RingState), NOW + LEAD, rules, undefined).write, undefined, 'once')
})

test('plan: an overdue rotation has the lead time too', t => {
  const stored = state([keyFrom(NOW - 2 * HOUR)])
  t.is(plan(stored, having(stored), NOW, rules, undefined).write?.keys[0]?.from, NOW + LEAD)
})

test('plan: any host fills an empty store again with what there was', t => {
  const before = state([keyFrom(NOW - 5), keyFrom(NOW - HOUR)])
  const refilled = decided(plan(undefined, having(before), NOW, rules, undefined))
  t.deepEqual(refilled, { ...before, generation: 6 })
  t.deepEqual(plan(refilled, having(before), NOW, rules, undefined), { adopt: refilled, write: undefined })
})

test('plan: an earlier state, from a backup or a replay, is overwritten', t => {
  const old = state([keyFrom(NOW - HOUR - 5)], undefined, 4)
  const own = having(state([keyFrom(NOW - 5), ...old.keys]))
  const { adopt, write } = plan(old, own, NOW, rules, undefined)
  t.is(adopt, undefined)
  t.deepEqual(write?.keys, own.keys)
  t.is(write?.generation, 6)
})

test('plan: a later state is adopted, and a key that it lacks is removed', t => {
  const stored = state([keyFrom(NOW - 5)], undefined, 6)
  const own = having(state([keyFrom(NOW - 10), keyFrom(NOW - HOUR)]))
  t.deepEqual(plan(stored, own, NOW, rules, undefined), { adopt: stored, write: undefined })
})

test('plan: two lineages end in one with the keys of both', t => {
  const [a, b] = [
    state([keyFrom(NOW - 5)], 'aa'.repeat(16), 5),
    state([keyFrom(NOW - 7)], 'bb'.repeat(16), 9),
  ]
  const merged = decided(plan(a, having(b), NOW, rules, undefined))
  t.deepEqual(merged.keys, [...a.keys, ...b.keys])
  t.is(merged.generation, 10)
  t.deepEqual(plan(merged, having(a), NOW, rules, undefined), { adopt: merged, write: undefined })
  t.deepEqual(plan(merged, having(b), NOW, rules, undefined), { adopt: merged, write: undefined })
})

test('plan: expired keys are dropped', t => {
  const stored = state([keyFrom(NOW - 3 * HOUR), keyFrom(NOW - 4 * HOUR)])
  const own = having(state([keyFrom(NOW - 5)]))
  t.deepEqual(plan(stored, own, NOW, rules, undefined).write?.keys, own.keys)
})

test("plan: after the store's clock was set back the ages of this host count", t => {
  const stored = state([keyFrom(NOW + 5 * HOUR), keyFrom(NOW + 4 * HOUR)], undefined, 5)
  const own = having({
    ...stored,
    keys: stored.keys.map(({ key, from }) => ({ key, from: from - 5 * HOUR - 7 })),
  })
  const { write } = plan(stored, own, NOW, rules, undefined, true)
  t.deepEqual(write, { ...stored, generation: 6, keys: own.keys })
})

test('inOrder: there is an active key even if all keys are pending', t => {
  const [sooner, later] = [keyFrom(NOW + 10), keyFrom(NOW + HOUR)]
  t.deepEqual(inOrder(state([later, sooner]), NOW), [sooner, later])
})

test('request: one rotation adds a key, several push out as many', t => {
  const stored = state([keyFrom(NOW - 5), keyFrom(NOW - HOUR), keyFrom(NOW - 2 * HOUR)])
  const after = (rotations: number) =>
    decided(plan(stored, having(stored), NOW, rules, request(rotations))).keys.map(({ from }) => from - NOW)
  t.deepEqual(after(1), [LEAD, -5, -HOUR, -2 * HOUR])
  t.deepEqual(after(2), [LEAD, -5])
  t.deepEqual(after(3), [0])
  t.deepEqual(after(9), [0])
  const key = randomBytes(48)
  t.deepEqual(decided(plan(stored, having(stored), NOW, rules, request(1, key))).keys[0]?.key, key)
})

test('request: the keys of concurrent calls are all kept, and the last one becomes active', t => {
  const stored = state([keyFrom(NOW - 5)])
  const [one, other] = [randomBytes(48), randomBytes(48)]
  const { keys } = decided(plan(stored, having(stored), NOW, { ...rules, keep: 5 }, request(2, one, other)))
  t.deepEqual(
    keys.map(({ key }) => key),
    [other, ...stored.keys.map(({ key }) => key), one],
  )
  const later = { ...stored, keys }
  const third = decided(
    plan(later, having(later), NOW + 1, { ...rules, keep: 5 }, request(1, randomBytes(48))),
  )
  t.true(
    [one, other].every(key => third.keys.some(each => each.key.equals(key))),
    'nor does a later call',
  )
  t.is(inOrder({ ...stored, keys }, NOW)[0]?.key, stored.keys[0]?.key, 'until then, the active key stays')
})

test('request: a key that this host uses already, for want of the store, is not listed twice', t => {
  const key = randomBytes(48)
  const own = having(state([{ key, from: NOW - 1 }, keyFrom(NOW - 5)]))
  const { write } = plan(undefined, own, NOW, rules, request(1, key))
  t.is(write?.keys.filter(each => each.key.equals(key)).length, 1)
})

test('rules: keys are kept for the longer time of two hosts, whichever writes', t => {
  const [short, long] = [
    { rotateEvery: HOUR, keep: 2 },
    { rotateEvery: HOUR / 2, keep: 10 },
  ]
  t.deepEqual(mergeRules(short, long), { rotateEvery: HOUR, keep: 5 })
  t.deepEqual(mergeRules(long, short), long)
  t.deepEqual(mergeRules(short, undefined), short)
  const old = keyFrom(NOW - 4 * HOUR)
  const stored = { ...state([keyFrom(NOW - 5), old]), rules: long }
  const { write } = plan(stored, having(stored), NOW, short, request(1))
  t.true(write?.keys.includes(old), 'a host with a shorter time removes none')
  t.is(write?.rules.keep, 5)
  const narrow = { ...state([keyFrom(NOW - 5)]), rules: short }
  t.deepEqual(
    plan(narrow, having(narrow), NOW, long, undefined).write?.rules,
    long,
    'and the longer one is written',
  )
})

test('rules: a longer time stays until the record is gone, since the host that has it may come back', t => {
  const stored = { ...state([keyFrom(NOW - 1000)]), rules: { rotateEvery: HOUR, keep: 9 } }
  const { write } = plan(stored, having(stored), NOW, rules, request(1))
  t.is(write?.rules.keep, 9, 'each write passes it on')
  t.is(plan(undefined, having(stored), NOW, rules, undefined).write?.rules.keep, rules.keep)
})

test('plan: a ring without an interval rotates only on request', t => {
  const never = { rotateEvery: 0, keep: 3 }
  const stored = { ...state([keyFrom(5)]), rules: never }
  t.deepEqual(plan(stored, having(stored), NOW, never, undefined), { adopt: stored, write: undefined })
})

test('state: it is encoded and decoded, and other bytes are rejected', t => {
  const written = state([keyFrom(NOW), keyFrom(NOW - HOUR)])
  const bytes = encodeState(written)
  t.deepEqual(decodeState(bytes), written)
  t.is(decodeState(Buffer.alloc(0)), undefined)
  t.is(decodeState(bytes.subarray(1)), undefined)
  t.is(decodeState(bytes.subarray(0, 40)), undefined)
  bytes.writeDoubleBE(Number.NaN, 40)
  t.is(decodeState(bytes), undefined)
})

test('state: decoding random bytes does not throw', t => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), bytes => {
      decodeState(Buffer.from(bytes))
    }),
  )
  t.pass()
})

test('plan: hosts on stores that forget or go back converge to one ring', t => {
  const SPAN = 100 * HOUR
  const event = fc.oneof(
    { weight: 12, arbitrary: fc.record({ turn: fc.nat(3) }) },
    { weight: 2, arbitrary: fc.record({ pass: fc.integer({ min: 1, max: HOUR }) }) },
    fc.constant({ flush: true }),
    fc.constant({ backup: true }),
    fc.constant({ restore: true }),
    fc.record({ wish: fc.nat(3) }),
  )
  fc.assert(
    fc.property(fc.array(event, { maxLength: 60 }), events => {
      let now = NOW
      let stored: RingState | undefined
      let backup: RingState | undefined
      const hosts = Array.from({ length: 4 }, (): OwnState => newcomer())
      const meet = (index: number, rotations = 0) => {
        const host = hosts[index] as OwnState
        const wish = rotations > 0 ? request(rotations) : undefined
        const { adopt, write } = plan(stored, { ...host, keys: [...host.keys] }, now, rules, wish)
        const holds = write ?? adopt
        if (write) stored = write
        if (holds) hosts[index] = { ...having(holds), keys: inOrder(holds, now).slice(0, rules.keep + 1) }
      }
      for (const step of events) {
        if ('turn' in step) meet(step.turn)
        else if ('wish' in step) meet(step.wish, 1)
        else if ('pass' in step) now = Math.min(NOW + SPAN, now + step.pass)
        else if ('flush' in step) stored = undefined
        else if ('backup' in step) backup = stored
        else stored = backup
      }
      // After each host has looked a few times, all encrypt with one key.
      for (let round = 0; round < 3; round++) for (const index of hosts.keys()) meet(index)
      const heads = hosts.map(({ keys }) => inOrder(state([...keys]), now)[0]?.key.toString('hex'))
      return (
        new Set(heads).size === 1 &&
        (inOrder(state([...(hosts[0]?.keys ?? [])]), now)[0]?.from ?? Infinity) <= now
      )
    }),
    { numRuns: 500 },
  )
  t.pass()
})
