/** What the hosts with a ring of one name agree on, and how: pure functions, without a store or a clock. */
import { randomFillSync } from 'node:crypto'
import { secretBytes } from '../../util/secret-bytes.js'

/** A ticket key, and from when it is the active one, in milliseconds of the store's clock. */
export interface TimedKey {
  key: Buffer
  from: number
}

/** How long keys are in use. */
export interface Rules {
  /** How long a key is the active one, in milliseconds; 0: until a rotation is requested. */
  rotateEvery: number
  /** How many active and retired keys there are at most. */
  keep: number
}

/** The ring record. */
export interface RingState {
  /** Random, and common to all states that descend from one another. */
  lineage: string
  /** Grows with each change. */
  generation: number
  /** The rules of the host that keeps keys longest. */
  rules: Rules
  /** Newest first. The first may be pending: all hosts can decrypt with it before any encrypts with it. */
  keys: TimedKey[]
}

/** What a host has: like a state, except that a host that has not met the others yet has no lineage. */
export interface OwnState {
  lineage: string | undefined
  generation: number
  readonly keys: readonly TimedKey[]
  /** True if no ticket was encrypted with the keys. */
  isUnused: boolean
}

/** Pending calls of `rotate()` and `insert()`. */
export interface RotationRequest {
  /** How many calls there are. */
  rotations: number
  /** The keys that were given, in the order of the calls. The last call without a key gets a random one. */
  keys: readonly Buffer[]
  /** True if the last call gave a key. */
  endsWithKey: boolean
}

/** What to adopt now, and what to write. What is written is adopted afterwards. */
export interface Plan {
  adopt: RingState | undefined
  write: RingState | undefined
}

export const TICKET_KEY_LENGTH = 48
const LINEAGE_LENGTH = 16
const NUMBER_LENGTH = 8
const HEADER_LENGTH = LINEAGE_LENGTH + 3 * NUMBER_LENGTH
const ENTRY_LENGTH = NUMBER_LENGTH + TICKET_KEY_LENGTH
/** As many as a ring can have, with one that is pending. */
export const MAX_KEYS = 65
/** The longest that a valid record is. */
export const MAX_STATE_LENGTH: number = HEADER_LENGTH + MAX_KEYS * ENTRY_LENGTH
const MAX_LEAD_MS = 6000

/** Returns the activation lead time in milliseconds. Hosts read the record at least twice in it. */
export function activationLeadTime({ rotateEvery }: Rules): number {
  return rotateEvery === 0 ? MAX_LEAD_MS : Math.min(MAX_LEAD_MS, Math.floor(rotateEvery / 4))
}

/** Returns the rules that lose no ticket of either host: its own interval, and the longer time for which keys are kept. */
export function mergeRules(own: Rules, stored: Rules | undefined): Rules {
  if (stored === undefined || keepTime(stored) <= keepTime(own)) return own
  const keep = own.rotateEvery === 0 ? stored.keep : Math.ceil(keepTime(stored) / own.rotateEvery)
  return { ...own, keep: Math.min(MAX_KEYS - 1, Math.max(own.keep, keep)) }
}

/** How long a key decrypts, in milliseconds, or, for rings without an interval, how many there are. */
function keepTime({ rotateEvery, keep }: Rules): number {
  return rotateEvery === 0 ? keep : rotateEvery * keep
}

/**
 * Decides what to do about the record in the store (`undefined`: none that can be read) at `now` of its clock.
 *
 * - No record, or none with a usable key: write the own keys.
 * - A later state of the own lineage: adopt it. So a key that was removed on purpose stays removed.
 * - An earlier state of the own lineage (a backup, a replay, or `isBack`: the clock was set back): write the own
 *   state again.
 * - A state of another lineage (the store was replaced, and other hosts were first): write the keys of both, and leave
 *   their active key active. The result is the same whichever host writes first. A host that has not met the others yet
 *   brings only keys that it has encrypted with, and only while there is room.
 */
export function plan(
  stored: RingState | undefined,
  own: OwnState,
  now: number,
  ownRules: Rules,
  request: RotationRequest | undefined,
  isBack = false,
): Plan {
  const rules = mergeRules(ownRules, stored?.rules)
  // A pending key has become active since the record was written: then there is one key too many.
  const live = stored && { ...stored, keys: prune(stored.keys, now, rules) }
  const generation = Math.max(own.generation, stored?.generation ?? 0)
  const lineage = own.lineage ?? live?.lineage ?? randomHex(LINEAGE_LENGTH)
  let state: RingState
  let isNew = true
  if (live === undefined || live.keys.length === 0) {
    state = { lineage, generation, rules, keys: [...own.keys] }
  } else if (own.lineage === live.lineage) {
    // @guard ring-replay › ring-state › plan: an earlier state, from a backup or a replay, is overwritten
    //   ⇒ `live.generation >= own.generation && !isBack` becomes `true`
    const isLater = live.generation >= own.generation && !isBack
    state = isLater ? live : { lineage, generation, rules, keys: [...own.keys] }
    isNew = !isLater
  } else {
    state = merge(live, own, generation, now, rules)
    isNew = state.keys.length > live.keys.length
  }
  const rotated = rotate(state, now, rules, request)
  const isWider = isNew || keepTime(state.rules) < keepTime(ownRules)
  if (rotated === undefined && !isWider) return { adopt: state, write: undefined }
  const keys = prune(rotated ?? state.keys, now, rules)
  return { adopt: isNew ? undefined : state, write: { ...state, rules, generation: generation + 1, keys } }
}

function merge(live: RingState, own: OwnState, generation: number, now: number, rules: Rules): RingState {
  const activeFrom = inOrder(live, now)[0]?.from ?? now
  const others = own.keys
    .filter(({ key }) => !live.keys.some(has => has.key.equals(key)))
    // To decrypt only, since no other host has them yet.
    .map(({ key, from }) => ({ key, from: Math.min(from, activeFrom - 1) }))
  const left = own.isUnused ? 0 : Math.max(0, rules.keep - live.keys.length)
  const room = Math.min(others.length, own.lineage === undefined ? left : others.length)
  // All hosts choose the same one of the two lineages.
  const isOurs = room > 0 && own.lineage !== undefined && own.lineage < live.lineage
  const lineage = isOurs && own.lineage !== undefined ? own.lineage : live.lineage
  return { lineage, generation, rules, keys: [...live.keys, ...others.slice(0, room)] }
}

/** Returns the active key, then the others, newest first: the order in which a ring takes them. */
export function inOrder({ keys }: RingState, now: number): TimedKey[] {
  const sorted = byAge(keys)
  const active = sorted.find(({ from }) => from <= now) ?? sorted.at(-1)
  return active === undefined ? [] : [active, ...sorted.filter(key => key !== active)]
}

/** Returns the keys after a rotation that is due or requested, undefined if there is none. */
function rotate(
  { keys: all }: RingState,
  now: number,
  rules: Rules,
  request: RotationRequest | undefined,
): TimedKey[] | undefined {
  const lead = activationLeadTime(rules)
  const keys = all.filter(key => isLive(key, now, rules))
  const [newest] = byAge(keys)
  if (request !== undefined) return requested(keys, now, lead, rules, request)
  if (newest === undefined) return [{ key: randomKey(), from: now }]
  if (rules.rotateEvery === 0) return undefined
  const due = newest.from + rules.rotateEvery
  return now < due - lead ? undefined : [{ key: randomKey(), from: Math.max(due, now + lead) }, ...keys]
}

function requested(
  all: TimedKey[],
  now: number,
  lead: number,
  rules: Rules,
  { rotations, keys: given, endsWithKey }: RotationRequest,
): TimedKey[] {
  // A host that could not reach the store has inserted them already.
  const keys = all.filter(({ key }) => !given.some(each => each.equals(key)))
  // The caller wipes the keys of the plan.
  const copies = given.map(key => copyOf(key))
  const active = (endsWithKey ? copies.pop() : undefined) ?? randomKey()
  // Several rotations push out as many keys; if none is left, the new key need not wait for the other hosts.
  const left = rotations === 1 ? keys : byAge(keys).slice(0, Math.max(0, rules.keep - rotations))
  const from = left.length === 0 ? now : Math.max(now + lead, (byAge(left)[0]?.from ?? 0) + 1)
  // Keys of concurrent calls, of this host and of others, decrypt. They count as older than the key that is active now.
  const usable = left.filter(key => key.from <= now)
  const overtaken = [...copies.map(key => ({ key, from: 0 })), ...left.filter(key => key.from > now)]
  const before = Math.min(now, ...usable.map(key => key.from))
  const retired = overtaken.map(({ key }, index) => ({ key, from: before - 1 - index }))
  return [{ key: active, from }, ...usable, ...retired]
}

function prune(keys: TimedKey[], now: number, rules: Rules): TimedKey[] {
  const sorted = byAge(keys)
  const pending = sorted.filter(({ from }) => from > now)
  const usable = sorted.filter(key => key.from <= now && isLive(key, now, rules)).slice(0, rules.keep)
  return [...pending.slice(0, usable.length > 0 ? 1 : rules.keep), ...usable]
}

function isLive({ from }: TimedKey, now: number, { rotateEvery, keep }: Rules): boolean {
  return rotateEvery === 0 || now - from < rotateEvery * keep
}

function byAge(keys: readonly TimedKey[]): TimedKey[] {
  return [...keys].sort((a, b) => b.from - a.from || Buffer.compare(a.key, b.key))
}

function randomHex(length: number): string {
  return randomFillSync(Buffer.alloc(length)).toString('hex')
}

function randomKey(): Buffer {
  return randomFillSync(secretBytes(TICKET_KEY_LENGTH))
}

function copyOf(key: Uint8Array): Buffer {
  const copy = secretBytes(key.length)
  copy.set(key)
  return copy
}

/** Encodes lineage, generation, rules, and the keys with their times. The result is secret: the caller wipes it. */
export function encodeState({ lineage, generation, rules, keys }: RingState): Buffer {
  const bytes = secretBytes(HEADER_LENGTH + keys.length * ENTRY_LENGTH)
  bytes.write(lineage, 'hex')
  for (const [index, number] of [generation, rules.rotateEvery, rules.keep].entries()) {
    bytes.writeDoubleBE(number, LINEAGE_LENGTH + index * NUMBER_LENGTH)
  }
  for (const [index, { key, from }] of keys.entries()) {
    const at = HEADER_LENGTH + index * ENTRY_LENGTH
    bytes.writeDoubleBE(from, at)
    key.copy(bytes, at + NUMBER_LENGTH)
  }
  return bytes
}

/** Decodes a state; undefined for anything else. The keys are parts of `bytes`. */
export function decodeState(bytes: Buffer): RingState | undefined {
  const entries = (bytes.length - HEADER_LENGTH) / ENTRY_LENGTH
  if (!Number.isInteger(entries) || entries < 1 || entries > MAX_KEYS) return undefined
  const [generation = 0, rotateEvery = 0, keep = 0] = [0, 1, 2].map(index =>
    bytes.readDoubleBE(LINEAGE_LENGTH + index * NUMBER_LENGTH),
  )
  const keys = Array.from({ length: entries }, (_, index) => {
    const at = HEADER_LENGTH + index * ENTRY_LENGTH
    return { from: bytes.readDoubleBE(at), key: bytes.subarray(at + NUMBER_LENGTH, at + ENTRY_LENGTH) }
  })
  const numbers = [generation, rotateEvery, keep, ...keys.map(({ from }) => from)]
  if (!numbers.every(Number.isSafeInteger) || generation < 0 || rotateEvery < 0 || keep < 1) return undefined
  return { lineage: bytes.toString('hex', 0, LINEAGE_LENGTH), generation, rules: { rotateEvery, keep }, keys }
}
