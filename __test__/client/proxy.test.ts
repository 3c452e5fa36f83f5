/** A TLS proxy needs two handshakes, with the proxy and with the origin. They must not share sessions. */
import { once } from 'node:events'
import type http from 'node:http'
import https from 'node:https'
import net, { type AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { text } from 'node:stream/consumers'
import tls from 'node:tls'
import test, { type ExecutionContext } from 'ava'
import { type ConnectOptions, connect, HttpsAgent, install, SessionCache, uninstall } from 'tls-resumption'
import { ProxyAgent, request } from 'undici'
import { testAuthority } from '../support/server.ts'

interface Handshakes {
  full: number
  resumed: number
}

function count(server: https.Server): Handshakes {
  const handshakes = { full: 0, resumed: 0 }
  server.on('secureConnection', socket => handshakes[socket.isSessionReused() ? 'resumed' : 'full']++)
  return handshakes
}

async function listen(t: ExecutionContext, server: https.Server): Promise<number> {
  const sockets = new Set<net.Socket>()
  server.on('connection', (socket: net.Socket) => sockets.add(socket.on('error', () => {})))
  t.teardown(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return (server.address() as AddressInfo).port
}

/** Starts an origin and a proxy with the same name and authority. */
async function startBoth(t: ExecutionContext) {
  const { cert: ca, issue } = await testAuthority()
  const identity = await issue({ commonName: 'localhost', dnsNames: ['localhost'], usage: 'server' })
  const origin = https.createServer(identity, (_, response) => response.end('hello'))
  const proxy = https.createServer(identity)
  const handshakes = { origin: count(origin), proxy: count(proxy) }
  const ports = { origin: await listen(t, origin), proxy: await listen(t, proxy) }
  proxy.on('connect', (asked: http.IncomingMessage, client: tls.TLSSocket) => {
    const { port } = new URL(`https://${asked.url}`)
    const server = net.connect(Number(port), '127.0.0.1', () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n')
      server.pipe(client).pipe(server)
    })
    for (const socket of [client, server]) socket.on('error', () => {})
    client.on('close', () => server.destroy())
  })
  return { ca, proxy, handshakes, ports }
}

type Connect = (options: ConnectOptions) => tls.TLSSocket

/** Opens a tunnel through the proxy and passes it to `connectInside`. */
async function tunnel(
  { ca, ports }: Awaited<ReturnType<typeof startBoth>>,
  options: ConnectOptions,
  to: Connect,
): Promise<tls.TLSSocket> {
  const outer = to({ host: 'localhost', port: ports.proxy, ca, servername: 'localhost', ...options })
  outer.write(`CONNECT localhost:${ports.origin} HTTP/1.1\r\nhost: localhost:${ports.origin}\r\n\r\n`)
  const [head] = (await once(outer, 'data')) as [Buffer]
  if (!head.toString().includes(' 200 ')) throw new Error(head.toString())
  outer.removeAllListeners('data')
  return to({ socket: outer, ca, servername: 'localhost', ...options })
}

async function getThrough(socket: tls.TLSSocket): Promise<string> {
  socket.write('GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n')
  return text(socket)
}

test.serial('proxy: connect resumes to proxy and origin, each with its own sessions', async t => {
  const both = await startBoth(t)
  const sessionCache = new SessionCache()
  for (let round = 0; round < 3; round++) {
    t.regex(await getThrough(await tunnel(both, { sessionCache }, connect)), /hello/)
  }
  t.deepEqual(both.handshakes, { origin: { full: 1, resumed: 2 }, proxy: { full: 1, resumed: 2 } })
})

test.serial('proxy: a proxy that impersonates the origin is verified by a full handshake', async t => {
  const both = await startBoth(t)
  // The tunnel leads to the same server with the same ticket keys.
  both.proxy.removeAllListeners('connect').on('connect', (_: unknown, client: tls.TLSSocket) => {
    client.write('HTTP/1.1 200 Connection established\r\n\r\n')
    both.proxy.emit('connection', client)
  })
  let session: Buffer | undefined
  const plain: Connect = ({ sessionCache: _, coalesce: __, cachePartition: ___, ...options }) => {
    const socket = tls.connect({ ...options, session })
    return socket.on('session', latest => {
      session = latest
    })
  }
  const isReusedInside = async (to: Connect, options: ConnectOptions) => {
    const socket = await tunnel(both, options, to)
    await once(socket, 'secureConnect')
    const isReused = socket.isSessionReused()
    socket.destroy()
    return isReused
  }
  t.true(await isReusedInside(plain, {}), 'a cache that uses only the name as its key is deceived')
  const sessionCache = new SessionCache()
  t.false(await isReusedInside(connect, { sessionCache }))
})

test.serial("proxy: an installed tls.connect resumes to proxy and origin of undici's ProxyAgent", async t => {
  const { ca, handshakes, ports } = await startBoth(t)
  install({ sessionCache: new SessionCache() })
  t.teardown(uninstall)
  for (let round = 0; round < 3; round++) {
    const dispatcher = new ProxyAgent({
      uri: `https://localhost:${ports.proxy}`,
      requestTls: { ca },
      proxyTls: { ca },
    })
    const { body } = await request(`https://localhost:${ports.origin}/`, { dispatcher })
    t.is(await body.text(), 'hello')
    await dispatcher.close()
  }
  t.deepEqual(handshakes, { origin: { full: 1, resumed: 2 }, proxy: { full: 1, resumed: 2 } })
})

/** An agent as in packages for proxies. */
class TunnelAgent extends HttpsAgent {
  constructor(
    readonly both: Awaited<ReturnType<typeof startBoth>>,
    readonly sessionCache: SessionCache,
  ) {
    super({ sessionCache })
  }

  override createConnection(
    options: https.RequestOptions,
    callback?: (error: Error | null, stream: Duplex) => void,
  ): undefined {
    const { both, sessionCache } = this
    let isOuter = true
    const to: Connect = given => {
      if (isOuter) {
        isOuter = false
        return connect(given)
      }
      return super.createConnection({ ...options, ...given } as https.RequestOptions) as tls.TLSSocket
    }
    tunnel(both, { sessionCache }, to).then(
      socket => callback?.(null, socket),
      (error: Error) => callback?.(error, undefined as never),
    )
  }
}

test.serial('proxy: an HttpsAgent with tunnels resumes to proxy and origin', async t => {
  const both = await startBoth(t)
  const sessionCache = new SessionCache()
  for (let round = 0; round < 3; round++) {
    const agent = new TunnelAgent(both, sessionCache)
    const options = { host: 'localhost', port: both.ports.origin, ca: both.ca, agent }
    const [response] = await once(https.get(options), 'response')
    t.is(await text(response), 'hello')
    agent.destroy()
  }
  t.deepEqual(both.handshakes, { origin: { full: 1, resumed: 2 }, proxy: { full: 1, resumed: 2 } })
})
