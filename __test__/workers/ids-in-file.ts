/** A TLS 1.2 server whose session IDs are in a file. Its parent gets the port, and can revoke. */
import { constants } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import tls from 'node:tls'
import { resumeSessions, revokeSessions, SessionCache } from 'tls-resumption'

const { path, cert, key } = JSON.parse(process.argv[2] as string)
const server = tls.createServer(
  { cert, key, maxVersion: 'TLSv1.2', secureOptions: constants.SSL_OP_NO_TICKET, sessionIdContext: 'shared' },
  socket => {
    socket.on('error', () => {})
    socket.end('!')
  },
)
server.on('tlsClientError', () => {})
resumeSessions(server, { sessionCache: new SessionCache({ path, serves: 'servers' }) })
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port))

process.on('message', async () => {
  await revokeSessions(server)
  process.send?.('revoked')
})
process.on('disconnect', () => process.exit())
