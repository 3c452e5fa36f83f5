import type tls from 'node:tls'
import { defineMethod } from '../node/patch.js'
import type { CertificateChain } from './certificate-chain.js'

/**
 * Lets a socket that resumes a session return the certificates of its peer, as after a full handshake. Node.js has none
 * after a resumption: an application that checks them would reject the peer, or trust it unchecked.
 *
 * @param offered the chain of the session that was offered, if one was.
 */
export function returnCertificates(socket: tls.TLSSocket, offered: () => CertificateChain | undefined): void {
  const { getPeerCertificate, getPeerX509Certificate } = socket
  const chain = () => (socket.isSessionReused() ? offered() : undefined)
  // Neither calls the other: in other runtimes Node's own methods do.
  defineMethod(socket, 'getPeerCertificate', (detailed?: boolean) => {
    const certificate = getPeerCertificate.call(socket, detailed as true)
    const isEmpty = certificate && Object.keys(certificate).length === 0
    // @guard verified-session › chain-checks › *: issuers can be read on each connection
    //   ⇒ `isEmpty ? chain() : undefined` becomes `undefined`
    const known = isEmpty ? chain() : undefined
    if (!known) return certificate
    return detailed ? known.peerCertificate() : known.abbreviatedPeerCertificate()
  })
  defineMethod(
    socket,
    'getPeerX509Certificate',
    () => getPeerX509Certificate.call(socket) ?? chain()?.peerX509Certificate(),
  )
}
