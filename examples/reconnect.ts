/**
 * A client that connects to the same server repeatedly, as a database driver does. The first connection does a full
 * handshake, and the others resume.
 *
 *     node --import ./scripts/lib/typescript.mjs examples/reconnect.ts
 *
 * Lines that an application needs are marked with (*). The rest is a server for this example.
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
  // (*) Instead of tls.connect. Sessions are stored in a cache that all threads of the process share.
  const socket = connect({ host: 'localhost', port, ca })
  await once(socket, 'secureConnect')
  console.log(
    `${attempt} connection: ${socket.isSessionReused() ? 'resumed' : 'full handshake'} (${socket.getProtocol()})`,
  )
  if (socket.isSessionReused()) resumed++

  // TLS 1.3 servers send their tickets after the handshake, so the client has to read.
  socket.resume()
  await once(socket, 'close')
}

server.close()
console.log(`${resumed} of 2 connections that could resume did`)
if (resumed < 2) process.exitCode = 1
