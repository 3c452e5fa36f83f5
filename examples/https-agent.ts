/**
 * HTTPS requests whose connections resume. An agent with open connections needs no handshake. This agent closes each
 * connection, as happens to a service that is idle for some time.
 *
 *     node --import ./scripts/lib/typescript.mjs examples/https-agent.ts
 *
 * Lines that an application needs are marked with (*). The rest is a server for this example.
 */
import { once } from 'node:events'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { HttpsAgent, SessionCache } from 'tls-resumption' // (*)
import { createAuthority } from '../fixtures/certificates.ts'

const { cert: ca, issue } = await createAuthority({ algorithm: 'ecdsa' })
const server = https.createServer(
  await issue({ usage: 'server', commonName: 'localhost' }),
  (_, response) => {
    response.end('hello')
  },
)
await once(server.listen(0, '127.0.0.1'), 'listening')
const { port } = server.address() as AddressInfo

// (*) Optional: a cache with chosen bounds, whose statistics can be read.
const sessionCache = new SessionCache({ name: 'upstreams', max: 1000 })

/** Sends one request. Returns true if its connection resumed. */
async function get(agent: https.Agent): Promise<boolean> {
  const request = https.get({ host: 'localhost', port, path: '/', agent })
  const [response] = await once(request, 'response')
  const resumed = (request.socket as TLSSocket).isSessionReused()
  await response.toArray()
  return resumed
}

const agent = new HttpsAgent({ ca, sessionCache }) // (*) Instead of https.Agent.
console.log(`first request: ${(await get(agent)) ? 'resumed' : 'full handshake'}`)
const second = await get(agent)
console.log(`second request: ${second ? 'resumed' : 'full handshake'}`)
agent.destroy()

// The sessions belong to the cache, so another agent can use them.
const third = await get(new HttpsAgent({ ca, sessionCache }))
console.log(`third request, through another agent: ${third ? 'resumed' : 'full handshake'}`)

server.close()
const { hits, misses, size } = sessionCache.stats()
console.log(`the cache: ${hits} hits, ${misses} miss, ${size} sessions`)
if (!second || !third) process.exitCode = 1
