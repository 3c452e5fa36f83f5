/**
 * One line for each connection that did not resume, with the reason, and a line of their number at the end: what to
 * look at when a service resumes less than it should.
 *
 *     node --import ./scripts/lib/typescript.mjs examples/log-connections.ts
 *
 * What an application needs is marked with (*); the rest is a server to connect to.
 */
import { subscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import tls from 'node:tls'
import { type ClientMessage, clientStats, connect } from 'tls-resumption' // (*)
import { createAuthority } from '../fixtures/certificates.ts'

/** (*) What there is to do about each. */
const ADVICE: Partial<Record<ClientMessage['reason'], string>> = {
  'no-session': 'the first connection, or the last session has run out',
  'rejected-by-peer': 'a session was offered, and the peer did not take it',
  uncacheable: 'an option that no key can stand for, such as a new checkServerIdentity at each call',
  'opted-out': 'sessionCache: null',
}

// (*) Before anything connects. A connection is told of when its handshake is done.
subscribe('tls-resumption:client', message => {
  const { reason, peer, protocol } = message as ClientMessage
  const where = peer.replace(/:\d+$/, '') // The port is another one at each run.
  if (reason !== 'resumed') console.log(`${where} ${protocol ?? '-'} ${reason}: ${ADVICE[reason] ?? ''}`)
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
// What no key opens any more: the server has forgotten how to.
server.setTicketKeys(Buffer.from(crypto.getRandomValues(new Uint8Array(48))))
await visit()

server.close()
const { resumed, ...others } = clientStats() // (*)
const full = Object.values(others).reduce((sum, count) => sum + count, 0)
console.log(`${resumed} resumed, ${full} did not`)
if (resumed !== 1) process.exitCode = 1
