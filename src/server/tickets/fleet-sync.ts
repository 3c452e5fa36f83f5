/** Shares a ring with those of other processes and hosts, through a record that all of them read. */

import type { RingReading, RingRecord } from '../../fleet/second-tier.js'
import * as log from '../../util/log.js'
import { secretBytes } from '../../util/secret-bytes.js'
import { clearTimeout, monotonicNow, setTimeout } from '../../util/time.js'
import { AGED_KEY_LENGTH, entriesOf, type KeyRing, keyIn, writeEntry } from './native-ring.js'
import {
  activationLeadTime,
  decodeState,
  encodeState,
  inOrder,
  mergeRules,
  type OwnState,
  plan,
  type RingState,
  type RotationRequest,
  type Rules,
  TICKET_KEY_LENGTH,
  type TimedKey,
} from './ring-state.js'

/** How often the record is read until that has succeeded once, in milliseconds. */
const FIRST_INTERVAL_MS = 50
/** How long a ring waits for the keys of other hosts before it uses a key of its own. */
const MAX_READY_WAIT_MS = 1000
/** By how much the store's clock may seem to be late before it counts as set back, in milliseconds. */
const CLOCK_SLACK_MS = 5000

/** A call of `rotate()` or `insert()` that the record does not have yet. */
interface PendingCall {
  key: Buffer | undefined
  /** True if it was carried out in this process already. */
  isApplied: boolean
  resolve(): void
}

/** A ring and its record. */
export class FleetSync {
  readonly #ring: KeyRing
  readonly #record: RingRecord
  readonly #rules: Rules
  readonly #startedAt = monotonicNow()
  #lineage: string | undefined
  #generation = 0
  /** The rules in force, which keep keys for as long as the host that keeps them longest. */
  #merged: Rules
  /** The store's clock less the monotonic one, when the record was read last. */
  #offset: number | undefined
  /** From when the pending key is the active one, by the store's clock. */
  #activation: number | undefined
  #calls: PendingCall[] = []
  #timer: NodeJS.Timeout | undefined
  #isBusy = false
  #isFailing = false
  #isEnded = false
  #isReady = false
  #resolveReady: () => void = () => {}
  /** Resolves when `isReady` is true. */
  readonly ready: Promise<void> = new Promise(resolve => {
    this.#resolveReady = resolve
  })
  #hasWarnedOfRules = false

  constructor(ring: KeyRing, record: RingRecord, rules: Rules) {
    this.#ring = ring
    this.#record = record
    this.#rules = rules
    this.#merged = rules
    setTimeout(() => this.#resolveReady(), MAX_READY_WAIT_MS).unref()
    void this.#look()
  }

  /** True if there is a key to use: those of other hosts are waited for, but not for long. */
  get isReady(): boolean {
    this.#isReady ||= monotonicNow() - this.#startedAt >= MAX_READY_WAIT_MS
    return this.#isReady
  }

  /** True if the ring is that of the other hosts, as far as is known. */
  get isShared(): boolean {
    return this.#lineage !== undefined && !this.#isFailing
  }

  /**
   * Rotates the rings of all hosts, to the key if one is given. Without the store it takes effect in this process at
   * once, and in the others when the store is back. Resolves when all hosts use the key.
   */
  rotate(key?: Uint8Array): Promise<void> {
    const copy = key && copyOf(key)
    const done = new Promise<void>(resolve => {
      this.#calls.push({ key: copy, isApplied: false, resolve })
    })
    if (this.#isFailing) this.#applyLocally()
    void this.#look()
    return done
  }

  end(): void {
    this.#isEnded = true
    clearTimeout(this.#timer)
    for (const { key, resolve } of this.#calls.splice(0)) {
      key?.fill(0)
      resolve()
    }
  }

  async #look(): Promise<void> {
    if (this.#isBusy || this.#isEnded) return
    this.#isBusy = true
    clearTimeout(this.#timer)
    try {
      await this.#meet()
      this.#isFailing = false
    } catch (error) {
      if (this.#isOver()) return
      this.#applyLocally()
      // Until there is a connection, nothing has failed.
      if (this.isReady)
        this.#warn(`cannot be shared for now: ${error instanceof Error ? error.message : 'unknown'}`)
    } finally {
      this.#isBusy = false
      if (!this.#isEnded) this.#timer = setTimeout(() => void this.#look(), this.#interval()).unref()
    }
  }

  /** True if this object or the ring itself has ended. */
  #isOver(): boolean {
    try {
      this.#ring.state()
    } catch {
      this.end()
    }
    return this.#isEnded
  }

  /** Half of the activation lead time at most, so that all hosts have a key before any encrypts with it. */
  #interval(): number {
    if (!this.isReady) return FIRST_INTERVAL_MS
    const interval = Math.max(FIRST_INTERVAL_MS, Math.floor(activationLeadTime(this.#rules) / 3))
    // A call that could not be carried out, as another host held the lock, is tried again soon.
    if (this.#calls.length > 0 && !this.#isFailing) return Math.min(interval, 2 * FIRST_INTERVAL_MS)
    if (this.#activation === undefined || this.#offset === undefined) return interval
    const left = this.#activation - (monotonicNow() + this.#offset)
    return left > 0 ? Math.min(interval, Math.ceil(left)) : interval
  }

  async #meet(): Promise<void> {
    const reading = await this.#record.read()
    const { now } = reading
    if (this.#isEnded) {
      for (const state of reading.states) state.fill(0)
      return
    }
    const calls = [...this.#calls]
    const own = this.#own(now)
    const stored = latestOf(reading.states)
    this.#compareRules(stored?.rules)
    const planned = plan(stored, own, now, this.#rules, requestOf(calls), this.#isBack(now))
    const { adopt } = planned
    const write = planned.write ?? (isUpToDate(reading) ? undefined : adopt)
    try {
      if (adopt) this.#adopt(adopt, now, calls)
      if (!write || !(await this.#record.lock()) || !(await this.#write(write, reading))) return
      if (planned.write) this.#fulfil(calls, write, now)
      if (!this.#isEnded) this.#adopt(write, now)
    } finally {
      for (const state of reading.states) state.fill(0)
      for (const { key } of [...own.keys, ...(planned.write?.keys ?? [])]) key.fill(0)
    }
  }

  /** Resolves the calls when all hosts use what was written: after the lead time and one more look of each host. */
  #fulfil(calls: readonly PendingCall[], { keys }: RingState, now: number): void {
    this.#calls = this.#calls.filter(call => !calls.includes(call))
    if (calls.length === 0) return
    const activation = Math.max(...keys.map(({ from }) => from))
    const wait = Math.max(0, activation - now) + Math.ceil(activationLeadTime(this.#rules) / 3)
    setTimeout(() => {
      for (const { resolve } of calls) resolve()
    }, wait).unref()
    for (const { key } of calls) key?.fill(0)
  }

  /** Carries out in this process what cannot be written to the store now. The same key goes to the store later. */
  #applyLocally(): void {
    for (const call of this.#calls.filter(({ isApplied }) => !isApplied)) {
      call.isApplied = true
      try {
        if (call.key === undefined) {
          this.#ring.rotate()
          call.key = this.#ring.lend(keys => copyOf(keyIn(entriesOf(keys)[0] ?? Buffer.alloc(0))))
        } else {
          this.#ring.insert(call.key) // Refused if the ring has the key already.
        }
      } catch {
        return // The ring is closed.
      }
    }
  }

  /** True if the store's clock was set back, by which the ages of all keys would be wrong. */
  #isBack(now: number): boolean {
    const offset = now - monotonicNow()
    const isBack = this.#offset !== undefined && offset < this.#offset - CLOCK_SLACK_MS
    this.#offset = offset
    return isBack
  }

  async #write(state: RingState, reading: RingReading): Promise<boolean> {
    const { rotateEvery, keep } = state.rules
    const bytes = encodeState(state)
    try {
      return await reading.write(bytes, rotateEvery * keep)
    } finally {
      bytes.fill(0)
    }
  }

  /** `calls`: those whose keys the ring may have already, although the state does not have them yet. */
  #adopt(state: RingState, now: number, calls: readonly PendingCall[] = []): void {
    const early = calls.flatMap(({ key }) =>
      key === undefined || state.keys.some(has => has.key.equals(key)) ? [] : { key, from: now },
    )
    const keys = [...inOrder(state, now), ...early]
    const aged = secretBytes(keys.length * AGED_KEY_LENGTH)
    for (const [index, entry] of entriesOf(aged).entries()) {
      const { key, from } = keys[index] as TimedKey
      writeEntry(entry, key, now - from)
    }
    const refused = this.#ring.replace(aged, state.rules.keep)
    aged.fill(0)
    if (refused !== null) throw new Error(refused)
    const pending = keys.filter(({ from }) => from > now).map(({ from }) => from)
    this.#activation = pending.length > 0 ? Math.min(...pending) : undefined
    this.#lineage = state.lineage
    this.#generation = state.generation
    this.#isReady = true
    this.#resolveReady()
  }

  /** Returns copies of the keys of this process. A key that encrypted no ticket is worth nothing to other hosts. */
  #own(now: number): OwnState {
    const isUnused = this.#lineage === undefined && !this.isReady
    const keys = this.#ring.lend(aged =>
      entriesOf(aged).map(
        (entry): TimedKey => ({ from: now - Number(entry.readBigInt64LE()), key: copyOf(keyIn(entry)) }),
      ),
    )
    return { lineage: this.#lineage, generation: this.#generation, keys, isUnused }
  }

  #compareRules(stored: Rules | undefined): void {
    this.#merged = mergeRules(this.#rules, stored)
    const { rotateEvery, keep } = this.#rules
    if (stored === undefined || this.#hasWarnedOfRules) return
    if (stored.rotateEvery === rotateEvery && stored.keep === keep) return
    this.#hasWarnedOfRules = true
    log.warn(
      'KEYS_DIFFER',
      `Hosts that share a ring of ticket keys have different options: rotateEvery ${rotateEvery} and keep ${keep} here, ` +
        `${stored.rotateEvery} and ${stored.keep} elsewhere. Keys are kept for the longer time, here ${this.#merged.keep}`,
    )
  }

  #warn(what: string): void {
    if (this.#isFailing) return
    this.#isFailing = true
    log.warn('KEYS_NOT_SHARED', `A ring of ticket keys ${what}`)
  }
}

function requestOf(calls: readonly PendingCall[]): RotationRequest | undefined {
  if (calls.length === 0) return undefined
  const keys = calls.flatMap(({ key }) => key ?? [])
  return { rotations: calls.length, keys, endsWithKey: calls.at(-1)?.key !== undefined }
}

/** Returns the state that has changed most often. */
function latestOf(states: readonly Buffer[]): RingState | undefined {
  return states
    .flatMap(bytes => decodeState(bytes) ?? [])
    .reduce<RingState | undefined>(
      (latest, state) => (latest === undefined || state.generation > latest.generation ? state : latest),
      undefined,
    )
}

/** True if there is a state under each sealing key, and all are the same. */
function isUpToDate({ isComplete, states: [first, ...others] }: RingReading): boolean {
  return isComplete && others.every(other => first !== undefined && other.equals(first))
}

function copyOf(key: Uint8Array): Buffer {
  const copy = secretBytes(TICKET_KEY_LENGTH)
  copy.set(key)
  return copy
}
