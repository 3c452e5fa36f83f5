/** A ring that it shares with those of other processes and hosts, through a home that all of them look at. */

import type { RingHome, RingReading } from '../../fleet/second-tier.js'
import * as log from '../../util/log.js'
import { clearTimeout, monotonicNow, setTimeout } from '../../util/time.js'
import { AGED_KEY_LENGTH, type KeyRing } from './native-ring.js'
import {
  decodeState,
  encodeState,
  inOrder,
  leadOf,
  type OwnState,
  plan,
  type RingState,
  type Rules,
  TICKET_KEY_LENGTH,
  type TimedKey,
  type Wish,
} from './ring-state.js'

/** How often the home is looked at, in milliseconds, and how often until it has answered once. */
const LOOK_EVERY = 500
const LOOK_AT_FIRST = 50
/** How long a ring waits for what others have before it uses a key of its own. */
const PATIENCE = 1000
/** By how much the store's clock may be late, in milliseconds, before it counts as put back. */
const CLOCK_SLACK = 5000
const AGE_LENGTH = AGED_KEY_LENGTH - TICKET_KEY_LENGTH

export class TierRing {
  readonly #ring: KeyRing
  readonly #home: RingHome
  readonly #rules: Rules
  readonly #born = monotonicNow()
  #lineage: string | undefined
  #generation = 0
  /** The store's clock less ours, when it was last read. */
  #offset: number | undefined
  #wish: Wish | undefined
  #timer: NodeJS.Timeout | undefined
  #isBusy = false
  #isFailing = false
  #isEnded = false
  #isReady = false

  constructor(ring: KeyRing, home: RingHome, rules: Rules) {
    this.#ring = ring
    this.#home = home
    this.#rules = rules
    void this.#look()
  }

  /** Whether there is a key to use: what others have is waited for, but not for long. */
  get isReady(): boolean {
    this.#isReady ||= monotonicNow() - this.#born >= PATIENCE
    return this.#isReady
  }

  /** Whether the ring is that of the others, as far as is known. */
  get isShared(): boolean {
    return this.#lineage !== undefined && !this.#isFailing
  }

  /** Has a new key made for all, or the one given, as soon as the home can be reached. */
  rotate(key?: Uint8Array): void {
    this.#wish = { rotations: (this.#wish?.rotations ?? 0) + 1, key: key && Buffer.from(key) }
    void this.#look()
  }

  end(): void {
    this.#isEnded = true
    clearTimeout(this.#timer)
    this.#wish?.key?.fill(0)
  }

  async #look(): Promise<void> {
    if (this.#isBusy || this.#isEnded) return
    this.#isBusy = true
    clearTimeout(this.#timer)
    try {
      if (await this.#meet()) this.#isFailing = false
    } catch (error) {
      if (this.#isOver()) return
      // Until there is a connection, nothing has failed.
      if (this.isReady)
        this.#warn(`cannot be shared for now: ${error instanceof Error ? error.message : 'unknown'}`)
    } finally {
      this.#isBusy = false
      if (!this.#isEnded) this.#timer = setTimeout(() => void this.#look(), this.#interval()).unref()
    }
  }

  /** Whether this one, or the ring itself, has ended. */
  #isOver(): boolean {
    try {
      this.#ring.state()
    } catch {
      this.end()
    }
    return this.#isEnded
  }

  #interval(): number {
    if (!this.isReady) return LOOK_AT_FIRST
    return Math.min(LOOK_EVERY, Math.max(LOOK_AT_FIRST, Math.floor(leadOf(this.#rules) / 2)))
  }

  /** Whether that could be done. */
  async #meet(): Promise<boolean> {
    const { now, state, stored, isForeign } = await this.#home.read()
    if (this.#isEnded) {
      state?.fill(0)
      return false
    }
    if (isForeign) {
      this.#warn('cannot be shared: what others share is sealed with a key that is not listed here')
      this.#isReady = true
      return false
    }
    const wish = this.#wish
    const own = this.#own(now)
    const { adopt, write } = plan(state && decodeState(state), own, now, this.#rules, wish, this.#isBack(now))
    try {
      if (adopt) this.#adopt(adopt, now)
      if (write && (await this.#home.lock()) && (await this.#write(write, stored))) {
        this.#fulfilled(wish)
        if (!this.#isEnded) this.#adopt(write, now)
      }
      return true
    } finally {
      state?.fill(0)
      for (const { key } of [...own.keys, ...(write?.keys ?? [])]) key.fill(0)
    }
  }

  #fulfilled(wish: Wish | undefined): void {
    if (wish === undefined) return
    if (this.#wish === wish) this.#wish = undefined
    // Others have come meanwhile.
    else if (this.#wish) this.#wish.rotations -= wish.rotations
    wish.key?.fill(0)
  }

  /** Whether the store's clock was put back, by which the ages of all keys would be wrong. */
  #isBack(now: number): boolean {
    const offset = now - monotonicNow()
    const isBack = this.#offset !== undefined && offset < this.#offset - CLOCK_SLACK
    this.#offset = offset
    return isBack
  }

  async #write(state: RingState, stored: RingReading['stored']): Promise<boolean> {
    const { rotateEvery, keep } = this.#rules
    const bytes = encodeState(state)
    try {
      return await this.#home.write(bytes, stored, rotateEvery * keep)
    } finally {
      bytes.fill(0)
    }
  }

  #adopt(state: RingState, now: number): void {
    const keys = inOrder(state, now)
    const aged = Buffer.alloc(keys.length * AGED_KEY_LENGTH)
    for (const [index, { key, from }] of keys.entries()) {
      aged.writeBigInt64LE(BigInt(now - from), index * AGED_KEY_LENGTH)
      key.copy(aged, index * AGED_KEY_LENGTH + AGE_LENGTH)
    }
    const refused = this.#ring.replace(aged, this.#rules.keep)
    aged.fill(0)
    if (refused !== null) throw new Error(refused)
    this.#lineage = state.lineage
    this.#generation = state.generation
    this.#isReady = true
  }

  /** A copy of what this process has. A key that no ticket was sealed with is not worth anything to others. */
  #own(now: number): OwnState {
    const isUnused = this.#lineage === undefined && !this.isReady
    const keys = this.#ring.lend(aged =>
      Array.from({ length: aged.length / AGED_KEY_LENGTH }, (_, index): TimedKey => {
        const entry = Buffer.from(aged.subarray(index * AGED_KEY_LENGTH, (index + 1) * AGED_KEY_LENGTH))
        return { from: now - Number(entry.readBigInt64LE()), key: entry.subarray(AGE_LENGTH) }
      }),
    )
    return { lineage: this.#lineage, generation: this.#generation, keys, isUnused }
  }

  #warn(what: string): void {
    if (this.#isFailing) return
    this.#isFailing = true
    log.warn('KEYS_NOT_SHARED', `A ring of ticket keys ${what}`)
  }
}
