import { constants } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import tls from 'node:tls'
import { createAuthority } from '../../fixtures/certificates.ts'

/**
 * Returns a TLS 1.2 session as a server gets it: about 1 KB with the certificate of a client, about 160 bytes
 * without.
 */
export async function realSession(clientCertificate = true): Promise<Buffer> {
  const { cert: ca, issue } = await createAuthority({ algorithm: 'rsa' })
  const [identity, client] = await Promise.all([
    issue({ usage: 'server', commonName: 'localhost' }),
    issue({ usage: 'client', commonName: 'client' }),
  ])
  const server = tls.createServer({
    ...identity,
    ca,
    requestCert: clientCertificate,
    maxVersion: 'TLSv1.2',
    secureOptions: constants.SSL_OP_NO_TICKET,
  })
  const told = new Promise<Buffer>(resolve => {
    server.on('newSession', (_id, session, done) => {
      resolve(session)
      done()
    })
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  const socket = tls.connect({ port, ca, ...client, servername: 'localhost' }, () => socket.end())
  await Promise.all([once(socket.resume(), 'close'), told])
  server.close()
  return told
}
