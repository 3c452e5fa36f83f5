import type tls from 'node:tls'
import { removeEntry, storeVerified } from '../cache/internal.js'
import { sentCertificates } from '../node/tls-internals.js'
import { CertificateChain } from '../session/certificate-chain.js'
import { readSessionInfo, TLS_1_3 } from '../session/session-info.js'
import type { Verification } from '../session/verified-session.js'
import { wallClock } from '../util/time.js'
import { knownChain, storeChain } from './chains.js'
import type { OfferedSession, OfferInputs } from './offer.js'
import type { CheckServerIdentity } from './reverify.js'

/** What decides what is stored of a connection's sessions. */
export interface RecorderInputs extends OfferInputs {
  /** Until when the options' CRLs are current, in milliseconds since 1970; undefined where that cannot be told. */
  readonly crlsCurrentUntil: (now: number) => number | undefined
  readonly isAnchor: (certificate: CertificateChain['leaf']) => boolean
  /** Until when the trust anchors of a chain are valid, in milliseconds since 1970. */
  readonly anchorsValidUntil: (chain: CertificateChain, now: number) => number
}

/** What a full handshake showed about the peer. */
interface Capture {
  readonly chain: CertificateChain
  readonly isChainVerified: boolean
  readonly verifiedAt: number
}

/** Copies what the full handshake of one connection verified, and stores its sessions with it. */
export class SessionRecorder {
  readonly #inputs: RecorderInputs
  #capture: Capture | undefined
  #isChainStored = false
  readonly #entries: number[] = []

  constructor(inputs: RecorderInputs) {
    this.#inputs = inputs
  }

  /** The chain of the last full handshake of this connection. */
  get chain(): CertificateChain | undefined {
    return this.#capture?.chain
  }

  /**
   * Returns a `checkServerIdentity` that first copies the chain, because the caller's may change the object. Where the
   * caller's throws, there is no copy, and nothing is stored.
   */
  capturing(check: CheckServerIdentity, socket: () => tls.TLSSocket): CheckServerIdentity {
    const recorder = this
    return function (this: unknown, hostname, certificate) {
      recorder.#capture = undefined
      const capture = copyCertificates(certificate as tls.DetailedPeerCertificate, socket(), true)
      const error = Reflect.apply(check, this, [hostname, certificate])
      recorder.#capture = capture
      return error
    }
  }

  /** Copies a chain that did not verify: Node.js does not call `checkServerIdentity` then. */
  captureUnverified(certificate: tls.DetailedPeerCertificate, socket: tls.TLSSocket): void {
    this.#capture = copyCertificates(certificate, socket, false)
  }

  /**
   * Returns what a session of this connection relies on: the last full handshake, or where it resumed, what the offered
   * session relies on. Undefined where nothing is known that it could rely on.
   *
   * @param offered the session that the connection resumed; null where it did not resume.
   */
  verificationOf(session: Buffer, offered: OfferedSession | null | undefined): Verification | undefined {
    const info = readSessionInfo(session)
    // @guard lifetime-and-use › strict-peer › strict peer: TLS 1.3 with a lifetime of 0
    //   ⇒ without `|| info.lifetime === 0`
    if (info === undefined || info.lifetime === 0) return undefined
    const leaf = session.subarray(info.leafStart, info.leafEnd)
    // @guard verified-session › verified-again › *: a ticket of a resumed connection is good for no longer than *
    //   ⇒ `offered.verification : undefined` becomes `{ ...offered.verification, verifiedAt: wallClock() } : undefined`
    if (offered !== null) return offered?.chain.hasLeaf(leaf) ? offered.verification : undefined
    const capture = this.#capture
    // @guard verified-session › verified-again › TLSv1.2: a session of a renegotiation is not stored before *
    //   ⇒ without `!capture?.chain.hasLeaf(leaf) ||`
    // After a renegotiation the session comes before the new certificate was checked.
    if (!capture?.chain.hasLeaf(leaf) || info.verified !== capture.isChainVerified) return undefined
    const { chain, isChainVerified, verifiedAt } = capture
    const crlsUntil = this.#inputs.crlsCurrentUntil(verifiedAt)
    if (crlsUntil === undefined) return undefined
    const { goodFrom, goodUntil } = chain.validity(verifiedAt, this.#inputs.isAnchor)
    return {
      chainDigest: chain.digest,
      isChainVerified,
      verifiedAt,
      goodFrom,
      // @guard verified-session › verified-again › *: a revocation list whose next update passes *
      //   ⇒ without `crlsUntil, `
      // @guard certificate-dates-and-names › verified-again › *: a trust anchor that expires before *
      //   ⇒ without `, this.#inputs.anchorsValidUntil(chain, verifiedAt)`
      goodUntil: Math.min(goodUntil, crlsUntil, this.#inputs.anchorsValidUntil(chain, verifiedAt)),
    }
  }

  /** Stores a session with what it relies on. Returns false where the cache does not take it. */
  store(session: Buffer, record: Buffer): boolean {
    const { cache, peer } = this.#inputs
    const info = readSessionInfo(session)
    if (info === undefined) return false
    // An inherited chain is stored already.
    if (this.#capture !== undefined && !this.#isChainStored) storeChain(this.#capture.chain)
    this.#isChainStored = true
    const isTls13 = info.version >= TLS_1_3
    // @guard lifetime-and-use › connect-lifetime › session lifetime: the hint of the peer is a limit
    //   ⇒ `ttl: info.lifetime` becomes `ttl: 0`
    // @guard lifetime-and-use › connect › connect: with singleUse no ticket is offered twice
    //   ⇒ `reusable: !isTls13` becomes `reusable: true`
    const options = { ttl: info.lifetime, reusable: !isTls13, add: isTls13 }
    const entry = storeVerified(cache, peer.key, session, record, options)
    if (entry === 0) return false
    this.#entries.push(entry)
    peer.recordStored(cache)
    return true
  }

  /** Removes exactly the sessions that this connection stored. */
  removeStored(): void {
    const { cache, peer } = this.#inputs
    for (const entry of this.#entries) removeEntry(cache, peer.key, entry)
  }
}

function copyCertificates(
  certificate: tls.DetailedPeerCertificate,
  socket: tls.TLSSocket,
  isChainVerified: boolean,
): Capture | undefined {
  try {
    const chain = CertificateChain.capture(certificate, sentCertificates(socket))
    return chain && { chain: knownChain(chain), isChainVerified, verifiedAt: wallClock() }
  } catch {
    return undefined
  }
}
