import { native } from '../native/addon.js'
import { handleOf, type SessionCache } from './session-cache.js'

/**
 * The decision about one connection. `offer`: it may offer a session. `pause`: it must not. `probe`: it must not, and its
 * handshake shows whether the endpoint works without an offer.
 */
export type OfferDecision = 'offer' | 'pause' | 'probe'

const DECISIONS: readonly OfferDecision[] = ['pause', 'offer', 'probe']

/** As numbered in `crates/binding/src/offer_breaker.rs`. */
const RESUMED = 0
const REJECTED = 1
const ALERTED = 2
const BROKEN = 3
const FULL_SUCCEEDED = 4
const FULL_FAILED = 5
const NOT_OFFERED = 6

/** Reports about an endpoint only need a key for the shape of the call. */
const NO_KEY = '-'

/**
 * The circuit breaker for offers. All threads of the process share its state.
 *
 * Some peers break on an offer, and others always reject it. Failures are kept per endpoint (transport and SNI),
 * rejections per session key. The state of an endpoint is one of these:
 *
 * | state | `mayOffer` | left by |
 * | --- | --- | --- |
 * | closed | `offer` | {@link alerted} → paused; {@link broken} → suspected |
 * | suspected | `probe` → probing | {@link alerted} → paused |
 * | probing | `pause` | {@link fullSucceeded} → paused; {@link fullFailed} → the state before the suspicion; ten seconds without a report → suspected |
 * | paused | `pause` | the end of the pause → trial |
 * | trial | `offer` to one connection, `pause` to the others | {@link alerted} → paused; {@link broken} → suspected; {@link rejected}, {@link notOffered} or ten seconds without a report → the next trial |
 *
 * {@link resumed} leads from every state to closed, and forgets all failures and rejections. A report that the table does
 * not list changes nothing: it is news of a handshake that began before the state did.
 *
 * A pause after an alert lasts one minute, and each further one twice as long, up to a day. A pause after a probe lasts one
 * minute, and each further one twice as long, up to ten minutes: an attacker who can reset connections can cause it.
 *
 * Rejections of one key pause its offers after 20 in a row for five seconds, and after each further one for twice as long,
 * up to a minute.
 *
 * The tables have room for about 4,000 endpoints and 4,000 keys that are not closed. What does not fit is not recorded.
 */
export class OfferBreaker {
  readonly #now: () => number
  readonly #handle: () => number

  /**
   * `now` returns milliseconds of a monotonic clock that all threads share. By default it is the addon's own: the clocks
   * of Node.js start at zero in each thread. `handle` returns that of a cache whose file has the state.
   */
  constructor(now: () => number = () => Number.NaN, handle: () => number = () => 0) {
    this.#now = now
    this.#handle = handle
  }

  /**
   * Decides about one connection. After `offer`, a caller that has no session reports {@link notOffered}. After `probe`, it
   * makes a handshake without an offer and reports {@link fullSucceeded} or {@link fullFailed}.
   */
  mayOffer(endpoint: string, key: string | Uint8Array): OfferDecision {
    return DECISIONS[native.breakerMayOffer(endpoint, key, this.#now(), this.#handle())] ?? 'pause'
  }

  /** Records a resumption: closes the breaker for the endpoint, and forgets the rejections of the key. */
  resumed(endpoint: string, key: string | Uint8Array): void {
    native.breakerReport(RESUMED, endpoint, key, this.#now(), this.#handle())
  }

  /** Records a full handshake after an offer: counts a rejection of the key. */
  rejected(endpoint: string, key: string | Uint8Array): void {
    native.breakerReport(REJECTED, endpoint, key, this.#now(), this.#handle())
  }

  /** Records that a connection that may offer has no session: the next connection may offer in its place. */
  notOffered(endpoint: string): void {
    native.breakerReport(NOT_OFFERED, endpoint, NO_KEY, this.#now(), this.#handle())
  }

  /** Records a fatal TLS alert after an offer: opens the breaker for the endpoint at once. */
  alerted(endpoint: string): void {
    native.breakerReport(ALERTED, endpoint, NO_KEY, this.#now(), this.#handle())
  }

  /**
   * Records a reset or a hang after an offer: makes the next handshake a probe. A hang counts only if no byte arrived and
   * the lag of the event loop was small.
   */
  broken(endpoint: string): void {
    native.breakerReport(BROKEN, endpoint, NO_KEY, this.#now(), this.#handle())
  }

  /** Records a successful handshake without an offer. If it was a probe, the offer is to blame, and a pause begins. */
  fullSucceeded(endpoint: string): void {
    native.breakerReport(FULL_SUCCEEDED, endpoint, NO_KEY, this.#now(), this.#handle())
  }

  /** Records a failed handshake without an offer. If it was a probe, the offer is not to blame: nothing is recorded. */
  fullFailed(endpoint: string): void {
    native.breakerReport(FULL_FAILED, endpoint, NO_KEY, this.#now(), this.#handle())
  }

  /**
   * Forgets the failures of an endpoint, or everything. A purge calls it. Rejections are kept per key, and a purge
   * changes the keys.
   */
  forget(endpoint?: string): void {
    if (endpoint === undefined) native.breakerForgetAll()
    else native.breakerForgetEndpoint(endpoint, this.#handle())
  }
}

/** The breaker of all connections whose sessions are not in a file. */
export const offerBreaker: OfferBreaker = new OfferBreaker()

const ofFiles = new WeakMap<SessionCache, OfferBreaker>()

/** Returns the breaker for the sessions of a cache. That of a file outlives the process, and all processes share it. */
export function breakerOf(cache: SessionCache): OfferBreaker {
  if (cache.path === undefined) return offerBreaker
  let breaker = ofFiles.get(cache)
  if (breaker === undefined) {
    const held = new WeakRef(cache)
    breaker = new OfferBreaker(undefined, () => {
      const open = held.deref()
      return open === undefined ? 0 : handleOf(open)
    })
    ofFiles.set(cache, breaker)
  }
  return breaker
}
