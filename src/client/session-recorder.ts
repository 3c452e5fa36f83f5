import type tls from 'node:tls'
import { removeEntry, storeVerified } from '../cache/internal.js'
import { crlsOfContext } from '../key/context-origin.js'
import { CertificateChain, type Issuers } from '../session/certificate-chain.js'
import type { TrustInputs } from '../session/chain-validity.js'
import { type SessionInfo, TLS_1_3 } from '../session/session-info.js'
import { encodeVerification, type Verification } from '../session/verified-session.js'
import { wallClock } from '../util/time.js'
import { knownChain, MAX_CHAIN_BYTES, storeChain } from './chains.js'
import type { OfferInputs } from './offer.js'
import type { CheckServerIdentity, OfferedSession } from './reverify.js'

/** What decides what is stored of a connection's sessions. */
export interface RecorderInputs extends OfferInputs {
  /** True if the caller gave a SecureContext. */
  readonly hasGivenContext: boolean
}

/** What a full handshake showed about the peer. */
interface Capture {
  readonly issuers: Issuers
  readonly isChainVerified: boolean
  readonly verifiedAt: number
  /** Read when the first session comes, because many peers issue none. */
  chain?: CertificateChain
  verification?: Verification | undefined
}

/** Copies what the full handshake of one connection verified, and stores its sessions with it. */
export class SessionRecorder {
  readonly #inputs: RecorderInputs
  #capture: Capture | undefined
  #isChainStored: boolean | undefined
  readonly #entries: number[] = []

  constructor(inputs: RecorderInputs) {
    this.#inputs = inputs
  }

  /** True if the certificates of a full handshake of this connection were copied. */
  get hasCapture(): boolean {
    return this.#capture !== undefined
  }

  /** The chain of the last full handshake of this connection, if a session came with it. */
  get chain(): CertificateChain | undefined {
    return this.#capture?.chain
  }

  /**
   * Copies a chain that verified, then calls the caller's check, which may change the object. Where that throws, there is no
   * copy, and nothing is stored.
   */
  capture(
    check: CheckServerIdentity,
    self: unknown,
    hostname: string,
    certificate: tls.PeerCertificate,
  ): Error | undefined {
    this.#capture = undefined
    const capture = this.#copy(certificate as tls.DetailedPeerCertificate, true)
    const result = Reflect.apply(check, self, [hostname, certificate])
    // @guard verified-session › stored-with-verification › *: a check that changes the certificate does not change *
    //   ⇒ `= capture` becomes `= this.#copy(certificate as tls.DetailedPeerCertificate, true)`
    this.#capture = capture
    return result
  }

  /** Copies a chain that did not verify: Node.js does not call `checkServerIdentity` then. */
  captureUnverified(certificate: tls.DetailedPeerCertificate): void {
    this.#capture = this.#copy(certificate, false)
  }

  /**
   * Forgets the copy if no session has come. In TLS 1.2 a session that comes later is that of a renegotiation, whose
   * certificates are not checked yet, and those that the peer sent are not known any more.
   */
  endHandshake(): void {
    // @guard verified-session › verified-again › TLSv1.2: a session of a renegotiation after a handshake without one *
    if (this.#capture?.chain === undefined) this.#capture = undefined
  }

  /**
   * Returns the verification that a session of this connection relies on: of the last full handshake, or where it resumed,
   * that of the offered session. Undefined where nothing is known that it could rely on.
   *
   * @param offered the session that the connection resumed; null where it did not resume.
   * @param sent reads the certificates that the peer sent. Undefined for a session that is not stored: then they are taken
   * for those of the peer's last chain, if the issuers are equal.
   */
  verificationOf(
    session: Buffer,
    info: SessionInfo,
    offered: OfferedSession | null | undefined,
    sent: (() => readonly Buffer[] | undefined) | undefined,
  ): Verification | undefined {
    // @guard lifetime-and-use › strict-peer › strict peer: TLS 1.3 with a lifetime of 0
    //   ⇒ if false
    if (info.lifetime === 0) return undefined
    const { leafStart, leafEnd } = info
    // @guard verified-session › verified-again › *: a ticket of a resumed connection is good for no longer than *
    //   ⇒ `? offered.verification` becomes `? { ...offered.verification, verifiedAt: wallClock() }`
    // @guard verified-session › stored-with-verification › *: a ticket with another certificate than the offered *
    //   ⇒ `offered?.chain.hasLeaf(session, leafStart, leafEnd) ? offered.verification : undefined` becomes `offered?.verification`
    if (offered !== null)
      return offered?.chain.hasLeaf(session, leafStart, leafEnd) ? offered.verification : undefined
    const capture = this.#capture
    // @guard verified-session › verified-again › TLSv1.2: a session of a renegotiation is not stored before *
    //   ⇒ `capture?.issuers.ders[0]?.compare(session, leafStart, leafEnd) !== 0 ||` becomes `capture === undefined ||`
    // @guard verified-session › stored-with-verification › *: a session that says otherwise * than its handshake *
    //   ⇒ without `|| info.verified !== capture.isChainVerified`
    // After a renegotiation the session comes before the new certificate was checked.
    if (
      capture?.issuers.ders[0]?.compare(session, leafStart, leafEnd) !== 0 ||
      info.verified !== capture.isChainVerified
    )
      return undefined
    if (capture.chain === undefined) {
      capture.chain = this.#readChain(capture.issuers, sent)
      capture.verification = this.#verify(capture.chain, capture)
    }
    return capture.verification
  }

  /** Stores a session with what it relies on. Returns false where the cache does not take it. */
  store(session: Buffer, info: SessionInfo, verification: Verification): boolean {
    const { cache, peer } = this.#inputs
    // An inherited chain is stored already.
    const chain = this.#capture?.chain
    this.#isChainStored ??= chain === undefined || storeChain(cache, chain, wallClock())
    // Without its chain the session would never be offered.
    if (!this.#isChainStored) return false
    const isTls13 = info.version >= TLS_1_3
    // @guard lifetime-and-use › connect-lifetime › session lifetime: the hint of the peer is a limit
    //   ⇒ `ttl: info.lifetime` becomes `ttl: 0`
    // @guard lifetime-and-use › connect › connect: with singleUse no ticket is offered twice
    //   ⇒ `reusable: !isTls13` becomes `reusable: true`
    const options = { ttl: info.lifetime, reusable: !isTls13, add: isTls13 }
    const entry = storeVerified(cache, peer.key, session, encodeVerification(verification), options)
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

  #copy(certificate: tls.DetailedPeerCertificate, isChainVerified: boolean): Capture | undefined {
    try {
      const issuers = CertificateChain.copyIssuers(certificate, this.#inputs.peer.lastChain)
      return issuers && { issuers, isChainVerified, verifiedAt: wallClock() }
    } catch {
      return undefined
    }
  }

  /** A peer sends the same chain until it is renewed: then the last one is used again, with all that was derived from it. */
  #readChain(issuers: Issuers, sent: (() => readonly Buffer[] | undefined) | undefined): CertificateChain {
    const { peer } = this.#inputs
    const last = peer.lastChain
    if (sent === undefined && last?.issuers === issuers) return last
    const chain = CertificateChain.of(issuers, sent?.(), last)
    if (chain === last || chain.byteLength > MAX_CHAIN_BYTES) return chain
    peer.lastChain = knownChain(chain)
    return peer.lastChain
  }

  #verify(chain: CertificateChain, { isChainVerified, verifiedAt }: Capture): Verification | undefined {
    if (chain.byteLength > MAX_CHAIN_BYTES) return undefined
    const validity = this.#inputs.peer.validity.at(verifiedAt, chain, () => trustInputs(this.#inputs))
    if (validity === undefined) return undefined
    const { goodFrom, goodUntil } = validity
    return { chainDigest: chain.digest, isChainVerified, verifiedAt, goodFrom, goodUntil }
  }
}

function trustInputs({ verifier, hasGivenContext }: RecorderInputs): TrustInputs {
  const { ca, crl, secureContext } = verifier.options
  if (hasGivenContext && secureContext) return { ca, crls: crlsOfContext(secureContext), hasOwnContext: true }
  return { ca, crls: [crl ?? []].flat(), hasOwnContext: false }
}
