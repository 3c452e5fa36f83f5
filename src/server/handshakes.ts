/** What happens when a server has finished a handshake: it is counted, and a resumed client is verified again. */
import type tls from 'node:tls'
import { countServerEvent } from '../diagnostics/server-events.js'
import { handshakeOf } from '../node/server-handshakes.js'
import { hasPskCallback } from '../node/tls-internals.js'
import { wallClock } from '../util/time.js'

/**
 * Listens to `secureConnection` of a server, before the listeners of the application: one of those may destroy the
 * socket, which then says nothing.
 */
export function recordHandshake(this: tls.Server, socket: tls.TLSSocket): void {
  const protocol = socket.getProtocol() ?? undefined
  const isResumed = socket.isSessionReused()
  const { duration, found } = handshakeOf(socket) ?? {}
  countServerEvent(isResumed ? 'resumed' : 'full', { protocol, duration })
  if (!isResumed && found !== undefined) countServerEvent(`${found}-refused`, { protocol })
  // @guard optional-client-certificate › tickets-trust › a client without a certificate is no more authorized
  //   when it resumes, where certificates are optional
  //   ⇒ `verifyAgain(this, socket)` becomes `{}`
  if (isResumed && socket.authorized && !hasPskCallback(this)) verifyAgain(this, socket)
}

/**
 * Gives a resumed client the result that a full handshake would give it now.
 *
 * - Its certificate may have expired since the handshake that verified it. OpenSSL does not look at it again.
 * - Versions before 24 of Node.js take a resumed TLS 1.3 client without a certificate for one with a pre-shared key.
 */
function verifyAgain(server: tls.Server, socket: tls.TLSSocket): void {
  const reason = whyUnauthorized(socket)
  if (reason === undefined) return
  countServerEvent('reverification-failed', { protocol: socket.getProtocol() ?? undefined })
  socket.authorized = false
  socket.authorizationError = reason as unknown as Error // A code, whatever its type says.
  const { requestCert, rejectUnauthorized } = server as {
    requestCert?: boolean
    rejectUnauthorized?: boolean
  }
  if (requestCert && rejectUnauthorized !== false) socket.destroy()
}

function whyUnauthorized(socket: tls.TLSSocket): string | undefined {
  const certificate = socket.getPeerX509Certificate()
  if (certificate === undefined) return 'UNABLE_TO_GET_ISSUER_CERT'
  const now = wallClock()
  // @guard expired-client › handshakes › *: a client whose certificate has expired is refused when it resumes
  if (now > Date.parse(certificate.validTo)) return 'CERT_HAS_EXPIRED'
  return now < Date.parse(certificate.validFrom) ? 'CERT_NOT_YET_VALID' : undefined
}
