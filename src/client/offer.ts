import { acquireLease, borrowVerified } from '../cache/internal.js'
import type { SessionCache } from '../cache/session-cache.js'
import type { CertificateChain } from '../session/certificate-chain.js'
import { readSessionInfo, TLS_1_3 } from '../session/session-info.js'
import { isCurrent, isDueForRenewal, type Verification } from '../session/verified-session.js'
import { wallClock } from '../util/time.js'
import { findChain } from './chains.js'
import type { PeerState } from './peer-state.js'
import { checkIdentity, type PeerVerifier } from './reverify.js'

/** What decides whether a session may be offered. */
export interface OfferInputs {
  readonly cache: SessionCache
  readonly peer: PeerState
  readonly verifier: PeerVerifier
  /** How old the verification of a session may be, in milliseconds. */
  readonly maxAge: number
}

/** A session that may be offered. */
export interface OfferedSession {
  readonly verification: Verification
  readonly chain: CertificateChain
  /** What `checkServerIdentity` returns now. A caller that is not strict finds it in `authorizationError`. */
  readonly identityError: Error | undefined
  readonly isBelowTls13: boolean
}

/**
 * `offered` if a session was, or the reason why none was. `renewal`: this connection verifies the peer again by a full
 * handshake, while others still offer the session.
 */
export type OfferOutcome = 'offered' | 'no-session' | 'reverification-failed' | 'renewal' | 'backed-off'

/** While a lease is held, one connection verifies the peer again. In milliseconds. */
const RENEWAL_LEASE_MS = 10_000

/**
 * Lends the session that a connection should offer now to `use`, which must not keep it. A session that no full handshake
 * of this package has verified is never offered.
 */
export function offerSession(
  inputs: OfferInputs,
  use: (session: Buffer, offered: OfferedSession) => void,
): OfferOutcome {
  const { cache, peer, maxAge } = inputs
  // @guard purge › stored-with-verification › purge: a session that another thread stores late is not offered
  if (peer.generation.isOver) return 'no-session'
  const outcome = borrowVerified(cache, peer.key, (session, record): OfferOutcome => {
    const offered = reverify(session, peer.decodeVerification(record), inputs)
    if (offered === undefined) return 'reverification-failed'
    if (isDueForRenewal(offered.verification, maxAge, wallClock()) && isFirstToRenew(cache, peer.key)) {
      return 'renewal'
    }
    use(session, offered)
    return 'offered'
  })
  return outcome ?? 'no-session'
}

/**
 * Verifies the peer of a session again, as far as that is possible without it.
 *
 * @returns undefined where a full handshake might not authorize the peer now, or would authorize it otherwise.
 */
export function reverify(
  session: Buffer,
  verification: Verification | undefined,
  { cache, verifier, maxAge }: Pick<OfferInputs, 'cache' | 'verifier' | 'maxAge'>,
): OfferedSession | undefined {
  const now = wallClock()
  // @guard verified-session › verified-again › *: maxAge is that of the connection that offers, *
  //   ⇒ without `|| !isCurrent(verification, maxAge, now)`
  if (verification === undefined || !isCurrent(verification, maxAge, now)) return undefined
  const info = readSessionInfo(session)
  const chain = findChain(cache, verification.chainDigest, now)
  if (info === undefined || chain === undefined) return undefined
  // @guard verified-session › verified-again › *: a session with another certificate than its chain has is not *
  if (!chain.hasLeaf(session.subarray(info.leafStart, info.leafEnd))) return undefined
  // @guard verified-session › stored-with-verification › *: a session that says otherwise * than its record *
  if (info.verified !== verification.isChainVerified) return undefined
  const isBelowTls13 = info.version < TLS_1_3
  // OpenSSL repeats the stored result of such a chain, so Node.js reports it without the check of the name.
  if (!info.verified) {
    // @guard verification-off › reverify › *: a strict caller does not offer a session whose chain was not
    //   verified
    //   ⇒ if false
    return verifier.isStrict ? undefined : { verification, chain, identityError: undefined, isBelowTls13 }
  }
  try {
    const identityError = checkIdentity(chain, verifier)
    // @guard certificate-dates-and-names › reverify › *: a checkServerIdentity that has changed its mind is
    //   asked again
    //   ⇒ `identityError === undefined || !verifier.isStrict` becomes `true`
    // @guard certificate-dates-and-names › reverify › *: a session whose certificate has another name is not
    //   offered
    //   ⇒ `identityError === undefined || !verifier.isStrict` becomes `true`
    const isAcceptable = identityError === undefined || !verifier.isStrict
    return isAcceptable ? { verification, chain, identityError, isBelowTls13 } : undefined
  } catch {
    // @guard certificate-dates-and-names › reverify › a checkServerIdentity that throws before an offer means
    //   a full handshake
    //   ⇒ `return undefined` becomes `return { verification, chain, identityError: undefined, isBelowTls13 }`
    // The caller's check threw. In doubt, a full handshake decides.
    return undefined
  }
}

function isFirstToRenew(cache: SessionCache, key: string): boolean {
  return acquireLease(cache, `${key} renewal`, RENEWAL_LEASE_MS) > 0
}
