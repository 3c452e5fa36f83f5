/** What processes with a ring of one name agree upon, and how: pure functions, without a store or a clock. */
import { randomBytes } from 'node:crypto'

/** A ticket key, and from when it seals, in milliseconds of the store's clock. */
export interface TimedKey {
  key: Buffer
  from: number
}

export interface RingState {
  /** Of all states that followed from one another: random, made with the first. */
  lineage: string
  /** Grows with each change. */
  generation: number
  /** Newest first. One may be there that seals later: so everybody can open with it by then. */
  keys: TimedKey[]
}

/** What a process has: like a state, but for a process that has not met the others yet. */
export interface OwnState {
  lineage: string | undefined
  generation: number
  readonly keys: readonly TimedKey[]
  /** Whether nothing was sealed with them. */
  isUnused: boolean
}

export interface Rules {
  /** How long a key seals, in milliseconds; 0: until it is told. */
  rotateEvery: number
  keep: number
}

/** What somebody asked for. */
export interface Wish {
  /** How many rotations. */
  rotations: number
  /** The key to rotate to; left out, a random one. */
  key?: Buffer | undefined
}

/** What to go by, and what to write first, where that is to be written. */
export interface Plan {
  adopt: RingState | undefined
  write: RingState | undefined
}

export const TICKET_KEY_LENGTH = 48
const LINEAGE_LENGTH = 16
const NUMBER_LENGTH = 8
const HEADER_LENGTH = LINEAGE_LENGTH + NUMBER_LENGTH
const ENTRY_LENGTH = NUMBER_LENGTH + TICKET_KEY_LENGTH
const LONGEST_LEAD = 10_000
const LEAD_OF_WISHES = 2000

/** How long before it seals a key is there to open with, in milliseconds: others look more often than that. */
export function leadOf({ rotateEvery }: Rules): number {
  return rotateEvery === 0 ? LEAD_OF_WISHES : Math.min(LONGEST_LEAD, Math.floor(rotateEvery / 4))
}

/**
 * What to do about what lies in the store (undefined: nothing that can be read) at `now` of its clock.
 *
 * - Nothing there, or nothing that still opens: what we have is brought there.
 * - A later state of ours: it holds. So keys that were taken out on purpose stay out.
 * - An earlier state of ours (a backup; somebody who replays it; `isBack`, a clock that was put back): ours holds.
 * - A state that does not follow from ours (the store was replaced, and others were first): both, and the key that
 *   seals there goes on. All come to the same, whoever writes first. Who has met nobody yet brings only keys that he has sealed with, and only
 *   where there is room.
 */
export function plan(
  stored: RingState | undefined,
  own: OwnState,
  now: number,
  rules: Rules,
  wish: Wish | undefined,
  isBack = false,
): Plan {
  const live = stored && { ...stored, keys: stored.keys.filter(key => isLive(key, now, rules)) }
  const generation = Math.max(own.generation, stored?.generation ?? 0)
  const lineage = own.lineage ?? live?.lineage ?? randomBytes(LINEAGE_LENGTH).toString('hex')
  let state: RingState
  let isNew = true
  if (live === undefined || live.keys.length === 0) {
    state = { lineage, generation, keys: [...own.keys] }
  } else if (own.lineage === live.lineage) {
    // @guard ring-replay › ring-state › an earlier state, from a backup or from somebody who replays it, is
    //   overwritten
    //   ⇒ `live.generation >= own.generation && !isBack` becomes `true`
    const isLater = live.generation >= own.generation && !isBack
    state = isLater ? live : { lineage, generation, keys: [...own.keys] }
    isNew = !isLater
  } else {
    const sealing = inOrder(live, now)[0]?.from ?? now
    const others = own.keys
      .filter(({ key }) => !live.keys.some(has => has.key.equals(key)))
      // To open with: nobody else has them yet.
      .map(({ key, from }) => ({ key, from: Math.min(from, sealing - 1) }))
    const left = own.isUnused ? 0 : Math.max(0, rules.keep - live.keys.length)
    const room = Math.min(others.length, own.lineage === undefined ? left : others.length)
    isNew = room > 0
    // The one lineage of the two that all choose alike.
    const ofBoth = own.lineage !== undefined && own.lineage < live.lineage ? own.lineage : live.lineage
    state = {
      lineage: isNew ? ofBoth : live.lineage,
      generation,
      keys: [...live.keys, ...others.slice(0, room)],
    }
  }
  const rotated = rotate(state, now, rules, wish)
  if (rotated === undefined && !isNew) return { adopt: state, write: undefined }
  const write = { ...state, generation: generation + 1, keys: pruned(rotated ?? state.keys, now, rules) }
  return { adopt: isNew ? undefined : state, write }
}

/** The key that seals first, then the others, newest first: as a ring is given them. */
export function inOrder({ keys }: RingState, now: number): TimedKey[] {
  const sorted = byAge(keys)
  const sealing = sorted.find(({ from }) => from <= now) ?? sorted.at(-1)
  return sealing === undefined ? [] : [sealing, ...sorted.filter(key => key !== sealing)]
}

function rotate(
  { keys: all }: RingState,
  now: number,
  rules: Rules,
  wish: Wish | undefined,
): TimedKey[] | undefined {
  const lead = leadOf(rules)
  const keys = all.filter(key => isLive(key, now, rules))
  const [newest] = byAge(keys)
  const due = newest === undefined || rules.rotateEvery === 0 ? Infinity : newest.from + rules.rotateEvery
  // The caller wipes it: there is no other copy of a key that is made here.
  const make = (from: number) => ({
    key: wish?.key ? Buffer.from(wish.key) : randomBytes(TICKET_KEY_LENGTH),
    from,
  })
  if (wish !== undefined) {
    const { rotations } = wish
    // Who asks for several wants to be rid of keys; then nobody waits until those have a last use.
    const left = rotations === 1 ? keys : byAge(keys).slice(0, Math.max(0, rules.keep - rotations))
    const from =
      left.length === 0 ? now : Math.max(now + Math.min(lead, LEAD_OF_WISHES), (newest?.from ?? 0) + 1)
    return [make(from), ...left]
  }
  if (newest === undefined) return [make(now)]
  if (now < due - lead) return undefined
  return [make(Math.max(due, now + Math.min(lead, LEAD_OF_WISHES))), ...keys]
}

function pruned(keys: TimedKey[], now: number, rules: Rules): TimedKey[] {
  const sorted = byAge(keys)
  const later = sorted.filter(({ from }) => from > now)
  const opening = sorted.filter(key => key.from <= now && isLive(key, now, rules)).slice(0, rules.keep)
  return [...later.slice(0, opening.length > 0 ? 1 : rules.keep), ...opening]
}

function isLive({ from }: TimedKey, now: number, { rotateEvery, keep }: Rules): boolean {
  return rotateEvery === 0 || now - from < rotateEvery * keep
}

function byAge(keys: readonly TimedKey[]): TimedKey[] {
  return [...keys].sort((a, b) => b.from - a.from || Buffer.compare(a.key, b.key))
}

/** Lineage, generation, and the keys with their times. It is secret. */
export function encodeState({ lineage, generation, keys }: RingState): Buffer {
  const bytes = Buffer.alloc(HEADER_LENGTH + keys.length * ENTRY_LENGTH)
  bytes.write(lineage, 'hex')
  bytes.writeDoubleBE(generation, LINEAGE_LENGTH)
  for (const [index, { key, from }] of keys.entries()) {
    const at = HEADER_LENGTH + index * ENTRY_LENGTH
    bytes.writeDoubleBE(from, at)
    key.copy(bytes, at + NUMBER_LENGTH)
  }
  return bytes
}

/** Undefined for what is none. The keys are parts of `bytes`. */
export function decodeState(bytes: Buffer): RingState | undefined {
  const entries = (bytes.length - HEADER_LENGTH) / ENTRY_LENGTH
  if (!Number.isInteger(entries) || entries < 1) return undefined
  const generation = bytes.readDoubleBE(LINEAGE_LENGTH)
  const keys = Array.from({ length: entries }, (_, index) => {
    const at = HEADER_LENGTH + index * ENTRY_LENGTH
    return { from: bytes.readDoubleBE(at), key: bytes.subarray(at + NUMBER_LENGTH, at + ENTRY_LENGTH) }
  })
  if (![generation, ...keys.map(({ from }) => from)].every(Number.isSafeInteger)) return undefined
  return { lineage: bytes.toString('hex', 0, LINEAGE_LENGTH), generation, keys }
}
