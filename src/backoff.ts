import { BoundedMap } from './bounded-map.js'

/** After so many failures in a row, a peer is offered no session for this long. */
const FAILURES = 3
const PAUSE_MS = 60_000
const MAX_PEERS = 1000

interface Failures {
  count: number
  /** By the monotonic clock. */
  pausedUntil: number
}

const failures = new BoundedMap<string, Failures>(MAX_PEERS)

/** Whether sessions may be offered under the key: some peers break on being offered one. */
export function mayOffer(key: string): boolean {
  const failed = failures.get(key)
  return failed === undefined || performance.now() >= failed.pausedUntil
}

/** A handshake under the key ended well. */
export function succeeded(key: string): void {
  failures.delete(key)
}

/** A handshake that offered a session failed. */
export function failed(key: string): void {
  const count = (failures.get(key)?.count ?? 0) + 1
  failures.set(key, { count, pausedUntil: count >= FAILURES ? performance.now() + PAUSE_MS : 0 })
}
