import { constants } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import tls from 'node:tls'
import type { ExecutionContext } from 'ava'
import { type Authority, createAuthority } from '../../fixtures/certificates.ts'

/** Makes a TLS 1.2 server use session IDs instead of tickets. */
export const { SSL_OP_NO_TICKET } = constants

let authority: Promise<Authority> | undefined

/** Returns the CA of this test file. There is only one, since generating keys takes time. */
export function testAuthority(): Promise<Authority> {
  authority ??= createAuthority({ algorithm: 'ecdsa' })
  return authority
}

export interface TestServer {
  server: tls.Server
  port: number
  /** The certificate of the CA, which clients have to trust. */
  ca: string
  /** The number of completed handshakes of each kind. */
  handshakes: { full: number; resumed: number }
}

/**
 * Starts a TLS server on loopback and closes it when the test ends. The server sends one byte on each connection and ends
 * it, so that a client that reads to the end has received every ticket.
 */
export async function startServer(t: ExecutionContext, options: tls.TlsOptions = {}): Promise<TestServer> {
  const { cert: ca, issue } = await testAuthority()
  const identity = await issue({ commonName: 'localhost', dnsNames: ['localhost'], usage: 'server' })
  const handshakes = { full: 0, resumed: 0 }
  const server = tls.createServer({ ...identity, ...options }, socket => {
    handshakes[socket.isSessionReused() ? 'resumed' : 'full']++
    socket.on('error', () => {})
    socket.end('!')
  })
  server.on('tlsClientError', () => {})
  t.teardown(() => server.close())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { server, port: (server.address() as AddressInfo).port, ca, handshakes }
}

/** Reads a client socket to its end. Returns whether it resumed and whether its peer was authorized. */
export async function finish(socket: tls.TLSSocket): Promise<{ resumed: boolean; authorized: boolean }> {
  const result = { resumed: false, authorized: false }
  socket.once('secureConnect', () => {
    result.resumed = socket.isSessionReused()
    result.authorized = socket.authorized
  })
  socket.resume()
  await once(socket, 'close')
  return result
}
