/**
 * A server that lets TLS 1.2 clients resume by session ID, as clients without tickets do. Node.js has no cache for session
 * IDs. The client of this example is plain Node.js.
 *
 *     node --import ./scripts/lib/typescript.mjs examples/tls12-server.ts
 *
 * Lines that an application needs are marked with (*). The rest is a client for this example.
 */
import { constants } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import tls from 'node:tls'
import { resumeSessions, SessionCache } from 'tls-resumption' // (*)
import { createAuthority } from '../fixtures/certificates.ts'

const { cert: ca, issue } = await createAuthority({ algorithm: 'ecdsa' })
const server = tls.createServer(
  {
    ...(await issue({ usage: 'server', commonName: 'localhost' })),
    // Makes this client use a session ID instead of a ticket. An application omits these two lines: clients without tickets
    // resume anyway.
    maxVersion: 'TLSv1.2',
    secureOptions: constants.SSL_OP_NO_TICKET,
  },
  socket => socket.end('hello'),
)
const sessionCache = new SessionCache({ name: 'edge', max: 10_000 }) // (*) Servers in other threads share it by name.
resumeSessions(server, { sessionCache }) // (*)

await once(server.listen(0, '127.0.0.1'), 'listening')
const { port } = server.address() as AddressInfo

/** Connects, with a session if given. Returns the session for the next connection. */
async function visit(session?: Buffer): Promise<{ resumed: boolean; session: Buffer | undefined }> {
  const socket = tls.connect({ host: 'localhost', port, ca, ...(session && { session }) })
  await once(socket, 'secureConnect')
  const visited = { resumed: socket.isSessionReused(), session: socket.getSession() }
  socket.resume()
  await once(socket, 'close')
  return visited
}

const first = await visit()
console.log(`first connection: ${first.resumed ? 'resumed' : 'full handshake'}`)
const second = await visit(first.session)
console.log(
  `second connection, with the session ID of the first: ${second.resumed ? 'resumed' : 'full handshake'}`,
)

sessionCache.clear()
const third = await visit(first.session)
console.log(`third connection, after the cache was cleared: ${third.resumed ? 'resumed' : 'full handshake'}`)

server.close()
if (!second.resumed || third.resumed) process.exitCode = 1
