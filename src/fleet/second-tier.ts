/** The second tier: a store behind the caches of many processes and hosts, as far as servers use it. */
import { invalidArgType } from '../util/errors.js'
import { WeakRegistry } from '../util/weak-registry.js'

/** How a look-up ended. Only a `hit` brings a session; all other outcomes lead to a full handshake. */
export type LookUpOutcome =
  | 'hit'
  | 'miss'
  /** The stored value could not be opened: it is damaged, or belongs to another record location. */
  | 'unreadable'
  /** The store did not answer in time. */
  | 'timeout'
  /** The store answered with an error, or the connection to it broke. */
  | 'error'
  /** The store was not asked: there is no connection to it, or it has failed several times in a row. */
  | 'unavailable'

/** The ring record as it was read. */
export interface RingReading {
  /** Milliseconds, by the store's clock. */
  now: number
  /**
   * The readable states, one for each sealing key under which there is one. The reader wipes them. Garbage, a value that
   * is too long and a value of another type are no state, and the next write replaces them.
   */
  states: Buffer[]
  /** True if each listed sealing key has a state. */
  isComplete: boolean
  /**
   * Writes a state under each sealing key, if nothing has changed since this reading, for `ttl` milliseconds (0: for
   * good), and releases the lock.
   *
   * @returns whether it was written.
   */
  write(state: Uint8Array, ttl: number): Promise<boolean>
}

/** The shared record of a ring. All methods reject if the store fails or is slow. */
export interface RingRecord {
  read(): Promise<RingReading>
  /** Returns whether only this process may change the record, for the next few seconds. */
  lock(): Promise<boolean>
}

/** Receives the outcome of a look-up; with a session, for how many milliseconds it is good. */
export type Found = (outcome: LookUpOutcome, session?: Buffer, ttl?: number) => void

/** What servers and rings need of a second tier. No method throws. */
export interface TierPart {
  /**
   * Looks a session up. `done` is called once, at once or within the time that the tier may take. The session's memory
   * is wiped when it returns.
   */
  lookUp(key: Uint8Array, done: Found): void
  /** Stores a session for other processes, for `ttl` milliseconds at most, without waiting for it. */
  store(key: Uint8Array, session: Uint8Array, ttl: number): void
  ring(name: string): RingRecord
  /**
   * Raises the revocation generation of an identity to at least `atLeast`, and returns the generation that the store then has. Rejects
   * if the store fails or is slow.
   */
  raiseGeneration(identity: string, atLeast: number): Promise<number>
}

/** A second tier: a `RedisTier` of `tls-resumption/redis`. */
export interface SecondTier {
  /** Returns what the tier has done so far, and how the store does. */
  stats(): object
}

/** The parts behind the tiers, which the public objects do not show. */
const parts = new WeakMap<object, TierPart>()

/** The tiers of this thread. */
export const openedTiers: WeakRegistry<SecondTier> = new WeakRegistry()

export function makeTier(tier: SecondTier, part: TierPart): void {
  parts.set(tier, part)
  openedTiers.add(tier)
}

/** Returns the part behind an option `tier`. */
export function checkTier(tier: unknown): TierPart | undefined {
  if (tier === undefined) return undefined
  const part = typeof tier === 'object' && tier !== null ? parts.get(tier) : undefined
  if (part === undefined) {
    throw invalidArgType('"tier" option', 'a RedisTier of this copy of the package', tier)
  }
  return part
}
