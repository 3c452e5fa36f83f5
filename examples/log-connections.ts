/**
 * Prints one line for each connection that did not resume, with the reason, and their number at the end. Use it if a service
 * resumes less than expected.
 *
 *     node --import ./scripts/lib/typescript.mjs examples/log-connections.ts
 *
 * Lines that an application needs are marked with (*). The rest is a server for this example.
 */
import { subscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import tls from 'node:tls'
import { type ClientMessage, clientStats, connect } from 'tls-resumption' // (*)
import { createAuthority } from '../fixtures/certificates.ts'

/** (*) Explains each reason. */
const EXPLANATIONS: Partial<Record<ClientMessage['reason'], string>> = {
  'no-session': 'the first connection, or the last session has expired',
  'rejected-by-peer': 'a session was offered, and the peer did a full handshake',
  uncacheable: 'no session key can represent an option, such as a new checkServerIdentity at each call',
  'opted-out': 'sessionCache: null',
}

// (*) Subscribe before the first connection. A message is published when a handshake is completed.
subscribe('tls-resumption:client', message => {
  const { reason, peer, protocol } = message as ClientMessage
  const where = peer.replace(/:\d+$/, '') // The port differs at each run.
  if (reason !== 'resumed')
    console.log(`${where} ${protocol ?? '-'} ${reason}: ${EXPLANATIONS[reason] ?? ''}`)
})

const { cert: ca, issue } = await createAuthority({ algorithm: 'ecdsa' })
const identity = await issue({ usage: 'server', commonName: 'localhost' })
const server = tls.createServer(identity, socket => socket.end('hello'))
await once(server.listen(0, '127.0.0.1'), 'listening')
const { port } = server.address() as AddressInfo
const peer = { host: 'localhost', port, ca }

async function visit(options: object = {}): Promise<void> {
  const socket = connect({ ...peer, ...options })
  socket.resume()
  await once(socket, 'close')
}

await visit()
await visit()
await visit({ sessionCache: null })
// After a change of its ticket key the server rejects earlier tickets.
server.setTicketKeys(Buffer.from(crypto.getRandomValues(new Uint8Array(48))))
await visit()

server.close()
const { resumed, ...others } = clientStats() // (*)
const full = Object.values(others).reduce((sum, count) => sum + count, 0)
console.log(`${resumed} resumed, ${full} did not`)
if (resumed !== 1) process.exitCode = 1
