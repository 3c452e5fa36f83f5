/** What the handshake and the end of one connection show about its peer, for the offer breaker and the cache. */
import { dropSessions, settleOffers } from '../../cache/internal.js'
import { breakerOf } from '../../cache/offer-breaker.js'
import { isHandshakeAlert, isTransportError } from '../../node/connection-error.js'
import type { SocketPort } from '../../node/socket-port.js'
import type { SessionRecorder } from '../session-recorder.js'
import type { AttemptInputs } from './inputs.js'
import type { Offering } from './offering.js'

/** Judges a handshake that succeeded. */
export function judgeSecure({ cache, peer }: AttemptInputs, offering: Offering, isResumed: boolean): void {
  const { endpoint, key } = peer
  const offerBreaker = breakerOf(cache)
  if (offering.hasOffered) settleOffers(cache, key)
  if (isResumed) peer.isWorthFollowing = true
  // @guard offer-back-off › strict-peer › strict peer: TLS * offers pause to a peer that rejects every
  //   session
  //   ⇒ `offerBreaker.rejected(endpoint, key)` becomes `{}`
  if (isResumed) offerBreaker.resumed(endpoint, key)
  else if (offering.hasOffered) offerBreaker.rejected(endpoint, key)
  else if (offering.isProbe) offerBreaker.fullSucceeded(endpoint)
}

/** Judges a connection that ended before its handshake was done. `isHanging`: no byte came after the offer. */
export function judgeFailure(
  { cache, peer }: AttemptInputs,
  offering: Offering,
  error: unknown,
  isHanging: boolean,
): void {
  const offerBreaker = breakerOf(cache)
  if (offering.isProbe) offerBreaker.fullFailed(peer.endpoint)
  if (!offering.hasOffered) return
  settleOffers(cache, peer.key)
  // @guard offer-back-off › client-events › client events: backed-off after a peer that resets on an offer
  //   ⇒ `offerBreaker.broken(peer.endpoint)` becomes `{}`
  if (isHandshakeAlert(error)) offerBreaker.alerted(peer.endpoint)
  else if (isTransportError(error) && !isHanging) offerBreaker.broken(peer.endpoint)
  // @guard offer-back-off › strict-peer › strict peer: TLS * with a peer that answers an offer by* ⇒ if false
  if (isHandshakeAlert(error) || isHanging) dropSessions(cache, peer.key)
}

/**
 * Judges a connection that ended after its handshake. Returns true if the application may have rejected the peer, so that
 * what the connection stored was removed.
 */
export function judgeEnd(
  { cache, peer }: AttemptInputs,
  { hasOffered, offered }: Offering,
  recorder: SessionRecorder,
  port: SocketPort,
  isResumed: boolean,
  error: unknown,
): boolean {
  const chain = isResumed ? offered?.chain : recorder.chain
  if (port.bytesRead > 0) {
    if (chain) peer.recordAccepted(chain)
    return false
  }
  const offerBreaker = breakerOf(cache)
  // A peer may reject the session that it resumed: in TLS 1.3 after the client's side of the handshake is done.
  if (hasOffered && isHandshakeAlert(error)) {
    offerBreaker.alerted(peer.endpoint)
    dropSessions(cache, peer.key)
  } else if (hasOffered && isTransportError(error)) offerBreaker.broken(peer.endpoint)
  const isDestroyedHere = !port.hasEnded && !isTransportError(error) && !isHandshakeAlert(error)
  // The application may have rejected the peer, so what this connection brought must not authorize the next one.
  // @guard rejected-peer › chain-checks › TLSv1.3: a connection that the application rejects costs only the *
  //   ⇒ if false
  if (isDestroyedHere && !(chain && peer.hasAccepted(chain))) {
    recorder.removeStored()
    return true
  }
  return false
}
