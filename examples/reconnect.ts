/**
 * A client that connects to the same server again and again, as a database driver does. The first
 * connection is a full handshake; the later ones resume.
 *
 *     node --import ./scripts/lib/typescript.mjs examples/reconnect.ts
 *
 * What an application needs is marked with (*); the rest is a server to connect to.
 */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import tls from 'node:tls'
import { connect } from 'tls-resumption' // (*)
import { createAuthority } from '../fixtures/certificates.ts'

const { cert: ca, issue } = await createAuthority({ algorithm: 'ecdsa' })
const server = tls.createServer(await issue({ usage: 'server', commonName: 'localhost' }), socket => {
  socket.end('hello')
})
await once(server.listen(0, '127.0.0.1'), 'listening')
const { port } = server.address() as AddressInfo

let resumed = 0
for (const attempt of ['first', 'second', 'third']) {
  // (*) In place of tls.connect. The sessions are kept in a cache that all threads of the process share.
  const socket = connect({ host: 'localhost', port, ca })
  await once(socket, 'secureConnect')
  console.log(
    `${attempt} connection: ${socket.isSessionReused() ? 'resumed' : 'full handshake'} (${socket.getProtocol()})`,
  )
  if (socket.isSessionReused()) resumed++

  // TLS 1.3 servers send their tickets after the handshake. Whoever reads gets them, as any real client does.
  socket.resume()
  await once(socket, 'close')
}

server.close()
console.log(`${resumed} of 2 connections that could resume did`)
if (resumed < 2) process.exitCode = 1
