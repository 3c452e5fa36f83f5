/**
 * HTTPS requests whose connections resume. An agent that keeps its connections open needs no handshake
 * at all while they last; this one closes each, as happens whenever a service has been idle.
 *
 *     node --import ./scripts/lib/typescript.mjs examples/https-agent.ts
 *
 * What an application needs is marked with (*); the rest is a server to ask.
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

// (*) A cache of one's own is not needed, but lets one choose how much it holds and see what it does.
const sessionCache = new SessionCache({ name: 'upstreams', max: 1000 })

/** Sends one request and tells whether its connection resumed. */
async function get(agent: https.Agent): Promise<boolean> {
  const request = https.get({ host: 'localhost', port, path: '/', agent })
  const [response] = await once(request, 'response')
  const resumed = (request.socket as TLSSocket).isSessionReused()
  await response.toArray()
  return resumed
}

const agent = new HttpsAgent({ ca, sessionCache }) // (*) In place of https.Agent.
console.log(`first request: ${(await get(agent)) ? 'resumed' : 'full handshake'}`)
const second = await get(agent)
console.log(`second request: ${second ? 'resumed' : 'full handshake'}`)
agent.destroy()

// The sessions are the cache's, not the agent's.
const third = await get(new HttpsAgent({ ca, sessionCache }))
console.log(`third request, through another agent: ${third ? 'resumed' : 'full handshake'}`)

server.close()
const { hits, misses, size } = sessionCache.stats()
console.log(`the cache: ${hits} hits, ${misses} miss, ${size} sessions`)
if (!second || !third) process.exitCode = 1
