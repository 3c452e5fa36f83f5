import { acquireLease, borrowPermitted } from '../cache/internal.js'
import { breakerOf } from '../cache/offer-breaker.js'
import type { SessionCache } from '../cache/session-cache.js'
import { isDueForRenewal } from '../session/verified-session.js'
import { wallClock } from '../util/time.js'
import type { PeerState } from './peer-state.js'
import { type OfferedSession, reverify, type VerifierInputs } from './reverify.js'

/** What decides whether a session may be offered. */
export interface OfferInputs extends VerifierInputs {
  readonly peer: PeerState
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
 *
 * @returns `pause` or `probe` where the breaker permits no offer. Every other result is known to it.
 */
export function offerSession(
  inputs: OfferInputs,
  use: (session: Buffer, offered: OfferedSession) => void,
): OfferOutcome | 'pause' | 'probe' {
  const { cache, peer, maxAge } = inputs
  // @guard purge › stored-with-verification › purge: a session that another thread stores late is not offered
  if (peer.generation.isOver) return 'no-session'
  const outcome = borrowPermitted(cache, peer.key, peer.endpoint, (session, record): OfferOutcome => {
    const now = wallClock()
    const offered = reverify(session, peer.decodeVerification(record), inputs, now)
    if (offered === undefined) return 'reverification-failed'
    if (isDueForRenewal(offered.verification, maxAge, now) && isFirstToRenew(cache, peer.key)) {
      return 'renewal'
    }
    use(session, offered)
    return 'offered'
  })
  if (outcome === 'reverification-failed' || outcome === 'renewal') breakerOf(cache).notOffered(peer.endpoint)
  return outcome ?? 'no-session'
}

function isFirstToRenew(cache: SessionCache, key: string): boolean {
  return acquireLease(cache, `${key} renewal`, RENEWAL_LEASE_MS) > 0
}
