import { once } from 'node:events'
import http2 from 'node:http2'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import test, { type ExecutionContext } from 'ava'
import { HttpsAgent, http2CreateConnection, install, SessionCache, uninstall } from 'tls-resumption'
import { buildConnector } from 'tls-resumption/undici'
import { Agent, request } from 'undici'
import { withoutTimers } from '../../support/fake-timers.ts'
import { testAuthority } from '../../support/server.ts'

/** Echoes the request body. */
async function startEcho(t: ExecutionContext) {
  t.teardown(withoutTimers())
  const { cert: ca, issue } = await testAuthority()
  const identity = await issue({ commonName: 'localhost', dnsNames: ['localhost'], usage: 'server' })
  const handshakes = { full: 0, resumed: 0 }
  const server = http2.createSecureServer({ ...identity, allowHTTP1: true }, (request, response) => {
    request.pipe(response as unknown as NodeJS.WritableStream)
  })
  server.on('secureConnection', socket => handshakes[socket.isSessionReused() ? 'resumed' : 'full']++)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return { port: (server.address() as AddressInfo).port, ca, handshakes }
}

const BODIES = Array.from({ length: 12 }, (_, i) => `body ${i} `.repeat(1 + i * 2000))

async function post(options: https.RequestOptions, body: string): Promise<string> {
  const request = https.request({ method: 'POST', host: 'localhost', ...options })
  request.write(body.slice(0, body.length / 2))
  request.end(body.slice(body.length / 2))
  const [response] = await once(request, 'response')
  return text(response)
}

test.serial('single-flight: simultaneous https requests with bodies share one full handshake', async t => {
  const { port, ca, handshakes } = await startEcho(t)
  const agent = new HttpsAgent({ ca, sessionCache: new SessionCache() })
  t.deepEqual(await Promise.all(BODIES.map(body => post({ port, agent }, body))), BODIES)
  t.deepEqual(handshakes, { full: 1, resumed: BODIES.length - 1 })
})

test.serial(
  'single-flight: simultaneous https requests of an installed tls.connect share one full handshake',
  async t => {
    const { port, ca, handshakes } = await startEcho(t)
    install({ sessionCache: new SessionCache() })
    t.teardown(uninstall)
    t.deepEqual(await Promise.all(BODIES.map(body => post({ port, ca, agent: false }, body))), BODIES)
    t.deepEqual(handshakes, { full: 1, resumed: BODIES.length - 1 })
  },
)

test.serial('single-flight: simultaneous http2 sessions share one full handshake', async t => {
  const { port, ca, handshakes } = await startEcho(t)
  const createConnection = http2CreateConnection({ sessionCache: new SessionCache() })
  const bodies = await Promise.all(
    BODIES.map(async body => {
      const session = http2.connect(`https://localhost:${port}`, { ca, createConnection })
      const stream = session.request({ ':method': 'POST' })
      stream.end(body)
      const echo = await text(stream)
      session.close()
      return echo
    }),
  )
  t.deepEqual(bodies, BODIES)
  t.deepEqual(handshakes, { full: 1, resumed: BODIES.length - 1 })
})

test.serial('single-flight: simultaneous undici requests share one full handshake', async t => {
  const { port, ca, handshakes } = await startEcho(t)
  const dispatcher = new Agent({
    connect: buildConnector({ ca, sessionCache: new SessionCache() }),
    connections: 12,
    pipelining: 1,
  })
  t.teardown(() => dispatcher.close())
  const bodies = await Promise.all(
    BODIES.map(async body => {
      const answer = await request(`https://localhost:${port}/`, { method: 'POST', body, dispatcher })
      return answer.body.text()
    }),
  )
  t.deepEqual(bodies, BODIES)
  t.is(handshakes.full, 1)
  t.true(handshakes.resumed > 0)
})
