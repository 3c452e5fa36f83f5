import { type OfferOutcome, offerSession } from '../offer.js'
import type { OfferedSession } from '../reverify.js'
import { debugAttempt } from './debug-attempt.js'
import type { AttemptInputs } from './inputs.js'

/** What one connection offers: a session, or the reason why none. */
export class Offering {
  readonly #inputs: AttemptInputs
  /** Names the connection in the debug log. */
  readonly #id: number
  #outcome: OfferOutcome = 'no-session'
  #offered: OfferedSession | undefined
  #isProbe = false
  #ticket: Buffer | undefined

  constructor(inputs: AttemptInputs, id: number) {
    this.#inputs = inputs
    this.#id = id
  }

  /** Why no session was offered, or that one was. */
  get outcome(): OfferOutcome {
    return this.#outcome
  }

  get offered(): OfferedSession | undefined {
    return this.#offered
  }

  get hasOffered(): boolean {
    return this.#outcome === 'offered'
  }

  /** True if this handshake tests whether the peer works without an offer. */
  get isProbe(): boolean {
    return this.#isProbe
  }

  /** True if there is no session that may be offered, and another connection may get one. */
  get isWithoutSession(): boolean {
    const isStale = this.#outcome === 'reverification-failed' && this.#inputs.peer.isWorthFollowing
    return isStale || this.#outcome === 'no-session'
  }

  /** Chooses a session and lends it to `use`. In doubt, there is none. */
  choose(use: (session: Buffer, offered: OfferedSession) => void): void {
    const outcome = offerSession(this.#inputs, use)
    debugAttempt(this.#id, 'offer: %s', outcome)
    // A connection may ask twice, and its own probe makes the second answer `pause`.
    if (outcome === 'probe') this.#isProbe = true
    this.#outcome = outcome === 'pause' || outcome === 'probe' ? 'backed-off' : outcome
  }

  /** Remembers what is offered. The last ticket of a TLS 1.2 peer is known: to read it again takes longer. */
  accept(session: Buffer, offered: OfferedSession): void {
    this.#offered = offered
    const { lastTicket } = this.#inputs.peer
    if (offered.isBelowTls13 && lastTicket?.length && session.includes(lastTicket)) {
      this.#ticket = lastTicket
    }
  }

  /** Remembers the TLS 1.2 ticket that the socket offers, where it is not known. */
  recordTicket(socket: { readonly ticket: Buffer | undefined }): void {
    if (!this.#offered?.isBelowTls13 || this.#ticket !== undefined) return
    this.#ticket = socket.ticket
    this.#inputs.peer.lastTicket = this.#ticket
  }

  /** Returns true if the ticket of a resumed TLS 1.2 connection is another one than it offered, and remembers it. */
  acceptRenewed(ticket: Buffer | undefined): boolean {
    if (ticket === undefined || this.#ticket?.equals(ticket)) return false
    this.#inputs.peer.lastTicket = ticket
    return true
  }
}
