/**
 * A server that lets TLS 1.2 clients resume by session id, as those must that support no tickets. Node
 * has no cache for that; the client here is plain Node and knows nothing of this package.
 *
 *     node --import ./scripts/lib/typescript.mjs examples/tls12-server.ts
 *
 * What an application needs is marked with (*); the rest is a client.
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
    // So that this client, which could use a ticket, uses an id. An application leaves these two lines out:
    // those of its clients that know ids alone resume all the same.
    maxVersion: 'TLSv1.2',
    secureOptions: constants.SSL_OP_NO_TICKET,
  },
  socket => socket.end('hello'),
)
const sessionCache = new SessionCache({ name: 'edge', max: 10_000 }) // (*) Shared with servers in other threads.
resumeSessions(server, { sessionCache }) // (*)

await once(server.listen(0, '127.0.0.1'), 'listening')
const { port } = server.address() as AddressInfo

/** Connects, offering a session if there is one, and returns what the next connection can offer. */
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
console.log(`second connection, with the id of the first: ${second.resumed ? 'resumed' : 'full handshake'}`)

sessionCache.clear()
const third = await visit(first.session)
console.log(`third connection, after the cache was cleared: ${third.resumed ? 'resumed' : 'full handshake'}`)

server.close()
if (!second.resumed || third.resumed) process.exitCode = 1
