import { AsyncResource } from 'node:async_hooks'
import { hasSession } from '../../cache/internal.js'
import type { HandshakeGate } from '../../node/handshake-gate.js'
import { monotonicNow } from '../../util/time.js'
import { recordSessionTime } from '../peer-state.js'
import { followFlight, joinFlight, type Lead } from '../single-flight.js'
import type { AttemptInputs } from './inputs.js'
import type { Offering } from './offering.js'

/** The handshake of a connection that joins a flight. */
export interface FlightHandshake {
  /** Returns true from the time that it is held until it goes on, or the connection closes. */
  isHeld(): boolean
  hold(onEnd: () => void): HandshakeGate | undefined
  /** Offers a session, if there is one now. */
  offer(): void
  /** The gate is about to open. */
  goOn(): void
}

/** The part of one connection in a flight: it leads, follows, or does neither. */
export class FlightMember {
  readonly #inputs: AttemptInputs
  readonly #offering: Offering
  readonly #handshake: FlightHandshake
  #lead: Lead | undefined
  #leave: (() => void) | undefined
  #gate: HandshakeGate | undefined
  #waitedSince: number | undefined
  #waitTime = 0

  constructor(inputs: AttemptInputs, offering: Offering, handshake: FlightHandshake) {
    this.#inputs = inputs
    this.#offering = offering
    this.#handshake = handshake
  }

  /** True if the connection leads, or has led. */
  get isLeader(): boolean {
    return this.#lead !== undefined
  }

  /** True if the connection follows, or has followed. */
  get hasWaited(): boolean {
    return this.#waitedSince !== undefined
  }

  /** How long the connection has waited, in milliseconds. */
  get waitTime(): number {
    return this.#waitTime
  }

  /** Joins the flight of the session key. Returns true if the handshake is held: it waits for `bound` milliseconds at most. */
  join(bound: number): boolean {
    const { cache, peer } = this.#inputs
    const role = joinFlight(cache, peer.key, bound > 0)
    peer.hasLeaders = role !== 'independent'
    if (role === 'follow') return this.#follow(bound)
    if (typeof role === 'object') this.#takeLead(role)
    return false
  }

  /** The handshake of the connection is done. `later`: its sessions come after it, as in TLS 1.3. */
  onSecure(later: boolean): void {
    this.#lead?.onSecure(later)
  }

  /** Ends the flight that the connection leads. */
  endLead(isProductive: boolean): void {
    this.#lead?.end(isProductive)
  }

  /** Leaves the flight that a closed connection follows. */
  abandon(): void {
    this.#leave?.()
    if (this.#gate === undefined) return
    this.#recordWait()
    this.#gate.abandon()
  }

  /** Followers wait for what this connection gets, unless another session has come since. */
  #takeLead(lead: Lead): void {
    this.#lead = lead
    const { cache, peer } = this.#inputs
    if (this.#offering.outcome !== 'no-session' || !hasSession(cache, peer.key)) return
    this.#handshake.offer()
    if (this.#offering.hasOffered) lead.end(true)
  }

  /** Returns false where the socket cannot be held. */
  #follow(bound: number): boolean {
    const { cache, peer } = this.#inputs
    this.#gate = this.#handshake.hold(() => proceed(false, true))
    if (this.#gate === undefined) return false
    this.#waitedSince = monotonicNow()
    // Another connection or a timer calls it, which has another AsyncLocalStorage.
    const proceed = AsyncResource.bind((landed: boolean, isEnding = false) => {
      if (!this.#handshake.isHeld()) return
      this.#recordWait()
      this.#leave?.()
      this.#handshake.offer()
      const { hasOffered, outcome } = this.#offering
      // In another thread the session may have come, and the message of it not yet.
      if (!landed && !isEnding && !hasOffered) recordSessionTime(peer.endpoint, Number.POSITIVE_INFINITY)
      // The caller's check accepts the peer in a full handshake, and not before an offer.
      if (landed && outcome === 'reverification-failed') peer.isWorthFollowing = false
      this.#handshake.goOn()
      const gate = this.#gate
      this.#gate = undefined
      gate?.open()
    })
    this.#leave = followFlight(cache, peer.key, bound, landed => proceed(landed))
    return true
  }

  #recordWait(): void {
    this.#waitTime = monotonicNow() - (this.#waitedSince ?? 0)
  }
}
