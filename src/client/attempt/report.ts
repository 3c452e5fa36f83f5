import { type ClientReason, publishConnection } from '../../diagnostics/client-events.js'
import { readPeerLabel } from '../../key/session-key.js'
import type { SocketPort } from '../../node/socket-port.js'
import type { OfferOutcome } from '../offer.js'
import type { FlightMember } from './flight-member.js'
import type { AttemptInputs } from './inputs.js'
import type { Offering } from './offering.js'

/** The reason that is reported of a connection that did not resume. */
const REASONS: Record<OfferOutcome, ClientReason> = {
  offered: 'rejected-by-peer',
  'no-session': 'no-session',
  'reverification-failed': 'reverification-failed',
  renewal: 'reverification-failed',
  'backed-off': 'backed-off',
}

/** Returns the reason that is reported of a handshake that succeeded. */
export function reasonOf({ outcome }: Offering, isResumed: boolean): ClientReason {
  return isResumed ? 'resumed' : REASONS[outcome]
}

/** Publishes the message of a connection. `duration`: of its handshake in milliseconds; undefined if it did not start. */
export function publishOutcome(
  reason: ClientReason,
  { peer }: AttemptInputs,
  { hasOffered }: Offering,
  flight: FlightMember | undefined,
  port: SocketPort,
  duration: number | undefined,
): void {
  publishConnection({
    reason,
    peer: readPeerLabel(peer.key),
    offered: hasOffered,
    waited: flight?.hasWaited ?? false,
    waitTime: flight?.waitTime ?? 0,
    duration,
    protocol: reason === 'failed' ? undefined : port.protocol,
  })
}
