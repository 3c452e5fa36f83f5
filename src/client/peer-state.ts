import { LruMap } from '../util/lru-map.js'
import { monotonicNow } from '../util/time.js'

/** After so many failed handshakes in a row, a peer is offered no session for a minute: it may break on them. */
const FAILURES = 3
const PAUSE_MS = 60_000
/**
 * After so many full handshakes in spite of an offer, none is made for a few seconds, then for longer: an offer costs
 * a tenth of a full handshake. Behind a load balancer one of several servers knows the session, so not after a few.
 */
const REFUSALS = 20
const FIRST_PAUSE_MS = 5_000
const MAX_PEERS = 1000

interface Trouble {
  failures: number
  refusals: number
  /** By the monotonic clock. */
  pausedUntil: number
}

const troubles = new LruMap<string, Trouble>(MAX_PEERS)

/** Whether sessions may be offered under the key. */
export function mayOffer(key: string): boolean {
  const trouble = troubles.get(key)
  return trouble === undefined || monotonicNow() >= trouble.pausedUntil
}

/** A session offered under the key was resumed. */
export function resumed(key: string): void {
  troubles.delete(key)
}

/** A handshake that offered a session ended well, as a full one. */
export function refused(key: string): void {
  const refusals = (troubles.get(key)?.refusals ?? 0) + 1
  // Others that were under way when the pause began do not make it longer.
  if (!mayOffer(key)) return
  const pause = refusals < REFUSALS ? 0 : Math.min(FIRST_PAUSE_MS * 2 ** (refusals - REFUSALS), PAUSE_MS)
  troubles.set(key, { failures: 0, refusals, pausedUntil: monotonicNow() + pause })
}

/** A handshake that offered a session failed. */
export function failed(key: string): void {
  const { failures, refusals } = troubles.get(key) ?? { failures: 0, refusals: 0 }
  const pausedUntil = failures + 1 >= FAILURES ? monotonicNow() + PAUSE_MS : 0
  troubles.set(key, { failures: failures + 1, refusals, pausedUntil })
}
