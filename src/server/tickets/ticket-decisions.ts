import { countServerEvent } from '../../diagnostics/server-events.js'
import { native } from '../../native/addon.js'
import { currentProtocol, noteFound } from '../../node/server-handshakes.js'
import { type TicketKeySource, type TicketVerdict, ticketKeysOfNode } from '../../node/ticket-key-callback.js'
import type { NativeContext } from '../../node/tls-internals.js'
import type { KeyOrigin } from './key-origin.js'
import { KEY_NAME_LENGTH } from './native-ring.js'

/** What the tickets of one server depend on, besides the ring. Each function is called for each ticket. */
export interface TicketRules {
  /** False if a session would not say how its client was verified. */
  mayResume(): boolean
  /** False if the ring has keys of other hosts whose tickets may be from before a revocation. */
  isGenerationKnown(): boolean
  /** False if the application answers session events, perhaps later, so that handshakes may interleave. */
  isReliable(): boolean
}

/** The ring of which the tickets are. */
export interface TicketRing {
  readonly name: string | undefined
  /** Returns 0 once the ring is closed. */
  handle(): number
  /** False until the first keys of a source or a tier have come. */
  hasKeys(): boolean
}

/** Decides on each ticket of a thread's servers that use one ring, and counts. */
export class TicketDecisions {
  readonly counts = {
    issued: 0,
    accepted: 0,
    acceptedWithRetiredKey: 0,
    unknown: 0,
    ambiguousClientTrust: 0,
  }
  readonly #ring: TicketRing
  readonly #origin: KeyOrigin
  /** The name of the key that this thread's servers have encrypted with last. */
  #activeName: Buffer | undefined

  constructor(ring: TicketRing, origin: KeyOrigin) {
    this.#ring = ring
    this.#origin = origin
  }

  /** Returns where a context of a server takes the keys of its tickets from. */
  sourceFor(context: NativeContext, rules: TicketRules): TicketKeySource {
    const ofNode = ticketKeysOfNode(context)
    return {
      seal: key => {
        if (!this.#isAllowed(rules)) return false
        const handle = this.#ring.handle()
        const isOfNode = handle === 0 || this.#origin.isNode
        const isSealed = isOfNode ? ofNode.seal(key) : native.ringActiveKey(handle, key)
        if (!isSealed) return false
        this.counts.issued++
        this.#noteRotation(key)
        return true
      },
      open: (name, secrets) => {
        if (!this.#isAllowed(rules) || !rules.isGenerationKnown()) return 'reject'
        const handle = this.#ring.handle()
        const newerKeys = handle === 0 ? -1 : native.ringFind(handle, name, secrets)
        if (newerKeys >= 0) return this.#accept(newerKeys, rules)
        const areActive = handle === 0 || this.#origin.isNode
        if ((areActive || this.#origin.wasNode) && ofNode.open(name, secrets) !== 'reject') {
          return this.#accept(areActive ? 0 : 1, rules)
        }
        this.counts.unknown++
        countServerEvent('ticket-unknown', { name: this.#ring.name })
        return 'reject'
      },
    }
  }

  #isAllowed(rules: TicketRules): boolean {
    // @guard client-trust-ambiguity › tickets › *: ring: a server with requestCert and contexts by name hands out
    //   no tickets
    //   ⇒ if false
    if (!rules.mayResume()) {
      this.counts.ambiguousClientTrust++
      return false
    }
    // @guard no-ticket-without-key › server-precedents › no ticket is encrypted before the first keys have come
    if (!this.#ring.hasKeys()) return false
    return true
  }

  #accept(newerKeys: number, rules: TicketRules): TicketVerdict {
    this.counts.accepted++
    if (newerKeys > 0) this.counts.acceptedWithRetiredKey++
    countServerEvent('ticket-accepted', { name: this.#ring.name, newerKeys })
    noteFound('ticket')
    return isRenewalUseful(newerKeys, rules.isReliable() ? currentProtocol() : undefined)
      ? 'accept-and-renew'
      : 'accept'
  }

  /** Counts a rotation when a ticket is encrypted with another key than the last ticket: any thread may have rotated. */
  #noteRotation(key: Uint8Array): void {
    const name = key.subarray(0, KEY_NAME_LENGTH)
    if (this.#activeName?.equals(name)) return
    if (this.#activeName) countServerEvent('rotation', { name: this.#ring.name })
    this.#activeName = Buffer.from(name)
  }
}

/**
 * True if a new ticket is worth its cost. A TLS 1.3 client uses each ticket once (RFC 8446 appendix C.4). A TLS 1.2 client
 * keeps its ticket. OpenSSL gives a renewed one no later end, so that only a newer key makes a difference. `protocol` is
 * undefined if it is not known.
 */
function isRenewalUseful(newerKeys: number, protocol: string | undefined): boolean {
  return newerKeys > 0 || protocol === undefined || protocol === 'TLSv1.3'
}
