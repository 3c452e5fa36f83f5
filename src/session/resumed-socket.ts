import { X509Certificate } from 'node:crypto'
import type tls from 'node:tls'
import { defineMethods } from '../node/patch.js'
import { translatePeerCertificate } from '../node/tls-internals.js'

/**
 * Lets a socket that resumes a session tell the certificate of its peer, which is in the session: Node itself has
 * forgotten it by then, and a driver that looks for the certificate after the handshake would turn the peer away.
 * The chain is not in the session, so the certificate's `issuerCertificate` is missing.
 *
 * @param offered the certificate of the peer in the session that was offered, if that is known.
 */
export function tellCertificate(socket: tls.TLSSocket, offered: () => X509Certificate | undefined): void {
  const { getPeerCertificate, getPeerX509Certificate } = socket
  const remembered = () => (socket.isSessionReused() ? offered() : undefined)
  // Neither asks the other, since in another runtime Node's own do.
  defineMethods(socket, {
    getPeerCertificate(detailed?: boolean) {
      const certificate = getPeerCertificate.call(socket, detailed as true)
      const leaf = certificate && Object.keys(certificate).length === 0 && remembered()
      if (!leaf) return certificate
      // Node writes some fields in another way than `toLegacyObject` does, so it has to do it.
      return translatePeerCertificate(leaf.toLegacyObject(), detailed === true)
    },
    getPeerX509Certificate() {
      const certificate = getPeerX509Certificate.call(socket)
      const leaf = certificate === undefined ? remembered() : undefined
      return leaf ? new X509Certificate(leaf.raw) : certificate
    },
  })
}
