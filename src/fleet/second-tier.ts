/** What lies behind the memory of a process, for many processes and hosts: what of it the servers' side uses. */
import { invalidArgType } from '../util/errors.js'
import { WeakRegistry } from '../util/weak-registry.js'

/** How a look-up ended. Only a `hit` brings a session; a server answers all the others with a full handshake. */
export type LookUpOutcome =
  | 'hit'
  | 'miss'
  /** What is stored there could not be opened: damaged, of another place, or sealed with a key that is not listed. */
  | 'unreadable'
  /** The store did not answer in time. */
  | 'timeout'
  /** The store answered with an error, or the connection to it broke. */
  | 'error'
  /** The store was not asked: there is no connection to it, or it failed too often lately. */
  | 'unavailable'

/** What a ring's home has, and what time it is there. */
export interface RingReading {
  /** Milliseconds, by the store's clock. */
  now: number
  /** As it lies there, which is what {@link RingHome.write} compares. */
  stored: Buffer | null
  /** What is in it; undefined where there is nothing, or nothing that can be read. The reader wipes it. */
  state: Buffer | undefined
  /** Whether it was sealed with a key that is not ours: it is another's, then, and not ours to write over. */
  isForeign: boolean
}

/** Where the processes that have a ring of one name meet. All of it rejects where the store fails or is slow. */
export interface RingHome {
  read(): Promise<RingReading>
  /** Whether this process alone is to change the ring, for the next few seconds. */
  lock(): Promise<boolean>
  /** Writes, if there still is what was read, for `ttl` milliseconds (0: for good); gives the lock back. */
  write(state: Uint8Array, stored: Buffer | null, ttl: number): Promise<boolean>
}

/** Told of a session, and for how many milliseconds it is good. */
export type Found = (outcome: LookUpOutcome, session?: Buffer, ttl?: number) => void

/** What servers and rings need of a second tier. Nothing here throws. */
export interface TierPart {
  /**
   * Asks for a session. `done` is called once, at once or within the time that the tier may take; the session's
   * memory is wiped when it returns.
   */
  lookUp(key: Uint8Array, done: Found): void
  /** Stores a session for others, for `ttl` milliseconds at most, without waiting for it. */
  store(key: Uint8Array, session: Uint8Array, ttl: number): void
  ring(name: string): RingHome
}

/** A second tier: a `RedisTier` of `tls-resumption/redis`. */
export interface SecondTier {
  /** What it has done so far, and how the store does. */
  stats(): object
}

/** What is behind each tier there is, which nobody else needs to see. */
const parts = new WeakMap<object, TierPart>()

/** This thread's. */
export const openedTiers: WeakRegistry<SecondTier> = new WeakRegistry()

export function makeTier(tier: SecondTier, part: TierPart): void {
  parts.set(tier, part)
  openedTiers.add(tier)
}

/** What is behind an option `tier`, if there is one. */
export function checkTier(tier: unknown): TierPart | undefined {
  if (tier === undefined) return undefined
  const part = typeof tier === 'object' && tier !== null ? parts.get(tier) : undefined
  if (part === undefined) {
    throw invalidArgType('"tier" option', 'a RedisTier of this copy of the package', tier)
  }
  return part
}
