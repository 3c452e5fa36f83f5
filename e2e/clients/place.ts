/** The servers of one thread: one for each front and each kind of resumption. */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createSecureServer, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import type tls from 'node:tls'
import { Redis } from 'ioredis'
import { resumeSessions, SessionCache, TicketKeys } from 'tls-resumption'
import { RedisTier } from 'tls-resumption/redis'
import { type Front, fronts, kinds, optionsOf } from './kinds.ts'

export interface PlaceOptions {
  /** Certificate chain and key. */
  identity: { cert: string; key: string }
  /** The number of times that a browser's page reloads. */
  visits: number
  /** For processes: the store in which they share session IDs. */
  store?: { port: number; sealing: string }
  /** After how many handshakes the ticket keys rotate. By default, once an hour. */
  handshakesPerRotation?: number
  /** True for servers of Node alone. */
  isPlain?: boolean
}

/** A report of a server: a handshake, or a requested path. */
export type Report =
  | {
      handshake: { resumed: boolean; protocol: string | null; servername: string | null; alpn: string | null }
    }
  | { path: string }

/** Starts the servers. Returns their ports in the order of fronts and, within each, kinds. */
export async function startPlace(options: PlaceOptions, report: (report: Report) => void): Promise<number[]> {
  const sessionCache = new SessionCache({ name: 'interop' })
  const keys = ringOf()
  const tier = options.store && tierOf(options.store)
  const listening = fronts.flatMap(front =>
    kinds.map(async kind => {
      const server = serverOf(front, { ...options.identity, ...optionsOf(kind) }, options.visits, report)
      server.prependListener('secureConnection', (socket: tls.TLSSocket) => report(handshakeOf(socket)))
      server.on('tlsClientError', () => {})
      if (options.isPlain) {
        process.on('message', message => {
          if (message === 'rotate') server.setTicketKeys(randomBytes(48))
        })
      } else if (kind.mechanism === 'ids') {
        resumeSessions(server, { sessionCache, tier })
      } else {
        keys.attach(server)
      }
      await once(server.listen(0, '127.0.0.1'), 'listening')
      return (server.address() as AddressInfo).port
    }),
  )
  return Promise.all(listening)
}

/** The key ring of all threads, and of a cluster, whose primary needs one too. */
export function ringOf(): TicketKeys {
  return new TicketKeys({ name: 'interop', keep: 64 })
}

function tierOf({ port, sealing }: NonNullable<PlaceOptions['store']>): RedisTier {
  const client = new Redis(port, '127.0.0.1')
  client.on('error', () => {})
  return new RedisTier({ client, keys: [Buffer.from(sealing, 'base64')], timeout: 10_000 })
}

function serverOf(
  front: Front,
  options: tls.TlsOptions,
  visits: number,
  report: (report: Report) => void,
): tls.Server {
  const answer = (request: Http2ServerRequest, response: Http2ServerResponse): void => {
    report({ path: request.url })
    response.setHeader('content-type', 'text/html')
    // Each request needs a connection of its own. Some clients do that themselves.
    if (request.url !== '/stay') {
      if (request.httpVersionMajor === 1) response.setHeader('connection', 'close')
      else request.stream.session?.close()
    }
    response.end(request.url === '/' ? page(visits) : 'hello')
  }
  return front === 'http2'
    ? createSecureServer(options, answer)
    : https.createServer(options, answer as unknown as Parameters<typeof https.createServer>[1])
}

/** Requests a few words, one request after the other, and closes its window. */
function page(visits: number): string {
  return `<!doctype html><link rel="icon" href="data:,"><script type="module">
for (let n = 1; n < ${visits}; n++) {
  await new Promise(resolve => setTimeout(resolve, 100))
  await (await fetch('/again/' + n)).text()
}
await fetch('/done')
window.close()
</script>`
}

function handshakeOf(socket: tls.TLSSocket): Report {
  const { servername, alpnProtocol } = socket as {
    servername?: string | false
    alpnProtocol: string | false | null
  }
  return {
    handshake: {
      resumed: socket.isSessionReused(),
      protocol: socket.getProtocol(),
      servername: servername || null,
      alpn: alpnProtocol || null,
    },
  }
}
