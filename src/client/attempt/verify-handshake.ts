import type { SocketPort } from '../../node/socket-port.js'
import type { SessionRecorder } from '../session-recorder.js'
import type { Offering } from './offering.js'

/** Lets a socket that is secure show what its handshake verified, or what the session that it resumed relies on. */
export function verifyHandshake(
  port: SocketPort,
  recorder: SessionRecorder,
  { offered }: Offering,
  isResumed: boolean,
): void {
  const error = offered?.identityError as NodeJS.ErrnoException | undefined
  // @guard lenient-callers › trust › *: a lenient caller resumes with a wrong name* ⇒ if false
  if (isResumed && error) port.setAuthorizationError(error.code || error.message)
  // Where the chain did not verify, Node.js has not called `checkServerIdentity`.
  if (!isResumed && !recorder.hasCapture && !port.isAuthorized) {
    const certificate = port.peerCertificate()
    if (certificate) recorder.captureUnverified(certificate)
  }
  // Node.js emits the session of this handshake before the next tick.
  if (!isResumed && port.protocol !== 'TLSv1.3') process.nextTick(() => recorder.endHandshake())
}
