/** An HTTP server of Node.js: with TLS by itself, with TLS and this package, or without TLS behind a proxy. */
import { once } from 'node:events'
import http from 'node:http'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Identity } from '../../../fixtures/certificates.ts'
import { loadedFiles } from '../../lib/loaded.mjs'

export type How = 'alone' | 'ours' | 'behind'

export type Request = { how: How; identity: Identity; sessions: number } | { loaded: true }

process.on('message', async (request: Request) => {
  process.send?.('loaded' in request ? loadedFiles() : await listen(request))
})
process.on('disconnect', () => process.exit())

async function listen({ how, identity, sessions }: Exclude<Request, { loaded: true }>): Promise<number> {
  const hello: http.RequestListener = (_, response) => response.end('hello')
  const server = how === 'behind' ? http.createServer(hello) : https.createServer(identity, hello)
  if (how === 'ours') {
    const { resumeSessions, SessionCache, TicketKeys } = await import('tls-resumption')
    resumeSessions(server as https.Server, { sessionCache: new SessionCache({ max: 2 * sessions }) })
    new TicketKeys({ name: 'edge' }).attach(server as https.Server)
  }
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return (server.address() as AddressInfo).port
}
