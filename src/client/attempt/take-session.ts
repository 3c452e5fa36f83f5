import type { SocketPort } from '../../node/socket-port.js'
import { identifySession, type SessionInfo } from '../../session/session-info.js'
import type { Verification } from '../../session/verified-session.js'
import type { SessionRecorder } from '../session-recorder.js'
import { debugAttempt } from './debug-attempt.js'
import type { AttemptInputs } from './inputs.js'
import type { Offering } from './offering.js'

/** The connection that got a session. */
export interface SessionOrigin {
  /** Names the connection in the debug log. */
  readonly id: number
  readonly inputs: AttemptInputs
  readonly recorder: SessionRecorder
  readonly offering: Offering
  readonly port: SocketPort
  isContextUnchanged(): boolean
}

/** Remembers a session that a connection got, and stores it with its verification. Returns true if it was stored. */
export function takeSession(session: Buffer, origin: SessionOrigin): boolean {
  const { id, inputs, recorder, offering, port } = origin
  const { cache, peer } = inputs
  const { info, fingerprint } = identifySession(session)
  // None is offered before the pause ends, so one session a second is enough.
  const isSpare = offering.outcome === 'backed-off' && !offering.isProbe && peer.hasStoredLately(cache)
  const resumed = offering.hasOffered ? offering.offered : undefined
  // The session key stands for the context as it was, and the handshake verifies by what it is.
  const verification =
    info && origin.isContextUnchanged()
      ? recorder.verificationOf(
          session,
          info,
          port.isResumed ? resumed : null,
          isSpare ? undefined : () => port.sentCertificates,
        )
      : undefined
  // Whatever is stored of it: a library may pass it back.
  // @guard library-session › install › install: a session of a lenient connection does not authorize*
  peer.recordEmitted(fingerprint, verification)
  // @guard rejected-peer › caller-session › caller session: * stores nothing if the secureConnect listener
  //   destroys the socket
  //   ⇒ without `&& !port.isDestroyed`
  if (info && verification !== undefined && !isSpare && !port.isDestroyed)
    return store(session, info, verification, origin)
  debugAttempt(id, 'stored nothing: it is not needed, or there is no verification that it could rely on')
  return false
}

function store(
  session: Buffer,
  info: SessionInfo,
  verification: Verification,
  { id, inputs, recorder, port }: SessionOrigin,
): boolean {
  const { peer, verifier } = inputs
  // @guard purge › purge › *: a connection under way offers nothing, and nothing is kept of it
  if (peer.generation.isOver) return false
  // @guard verification-off › stored-with-verification › *: of a socket that is not authorized a strict caller *
  if (verifier.isStrict && !port.isAuthorized) return false
  if (!recorder.store(session, info, verification)) return false
  debugAttempt(id, 'stored a session of %d bytes', session.length)
  return true
}
