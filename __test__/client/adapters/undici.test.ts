import { once } from 'node:events'
import https from 'node:https'
import net, { type AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import test, { type ExecutionContext } from 'ava'
import { SessionCache } from 'tls-resumption'
import { type BuildConnectorOptions, buildConnector } from 'tls-resumption/undici'
import { Agent, fetch, getGlobalDispatcher, Pool, request, setGlobalDispatcher } from 'undici'
import { testAuthority } from '../../support/server.ts'

async function startHttps(t: ExecutionContext) {
  const { cert: ca, issue } = await testAuthority()
  const identity = await issue({ commonName: 'localhost', usage: 'server' })
  const handshakes = { full: 0, resumed: 0 }
  const server = https.createServer(identity, (_, response) => response.end('hello'))
  server.on('secureConnection', (socket: TLSSocket) => {
    handshakes[socket.isSessionReused() ? 'resumed' : 'full']++
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  return { ca, handshakes, origin: `https://localhost:${(server.address() as AddressInfo).port}` }
}

const DISPATCHERS = {
  Agent: (_: string, connect: ReturnType<typeof buildConnector>) => new Agent({ connect }),
  Pool: (origin: string, connect: ReturnType<typeof buildConnector>) => new Pool(origin, { connect }),
}

for (const [name, make] of Object.entries(DISPATCHERS)) {
  test(`undici: sessions outlive ${name === 'Agent' ? 'an Agent' : 'a Pool'}`, async t => {
    const { ca, handshakes, origin } = await startHttps(t)
    const sessionCache = new SessionCache()
    for (let round = 0; round < 3; round++) {
      const dispatcher = make(origin, buildConnector({ ca, sessionCache }))
      const { statusCode, body } = await request(origin, { dispatcher })
      t.is(statusCode, 200)
      t.is(await body.text(), 'hello')
      await dispatcher.close()
    }
    t.deepEqual(handshakes, { full: 1, resumed: 2 })
  })
}

test('undici: fetch with a dispatcher resumes', async t => {
  const { ca, handshakes, origin } = await startHttps(t)
  const sessionCache = new SessionCache()
  for (let round = 0; round < 2; round++) {
    const dispatcher = new Agent({ connect: buildConnector({ ca, sessionCache }) })
    t.is(await (await fetch(origin, { dispatcher })).text(), 'hello')
    await dispatcher.close()
  }
  t.deepEqual(handshakes, { full: 1, resumed: 1 })
})

test.serial("undici: a global dispatcher also makes Node's own fetch resume", async t => {
  const { ca, handshakes, origin } = await startHttps(t)
  const sessionCache = new SessionCache()
  const before = getGlobalDispatcher()
  t.teardown(() => setGlobalDispatcher(before))
  for (const get of [fetch, globalThis.fetch, globalThis.fetch]) {
    const dispatcher = new Agent({ connect: buildConnector({ ca, sessionCache }) })
    setGlobalDispatcher(dispatcher)
    t.is(await (await get(origin)).text(), 'hello')
    await dispatcher.close()
  }
  t.deepEqual(handshakes, { full: 1, resumed: 2 })
})

test('undici: sessionCache null disables resumption', async t => {
  const { ca, handshakes, origin } = await startHttps(t)
  for (let round = 0; round < 2; round++) {
    const dispatcher = new Agent({ connect: buildConnector({ ca, sessionCache: null }) })
    await (await request(origin, { dispatcher })).body.dump()
    await dispatcher.close()
  }
  t.deepEqual(handshakes, { full: 2, resumed: 0 })
})

test('undici: an untrusted peer is an error, and nothing is stored', async t => {
  const { origin } = await startHttps(t)
  const sessionCache = new SessionCache()
  const dispatcher = new Agent({ connect: buildConnector({ sessionCache }) })
  t.teardown(() => dispatcher.destroy())
  const error = await t.throwsAsync(request(origin, { dispatcher }))
  t.is((error as NodeJS.ErrnoException).code, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE')
  t.is(sessionCache.stats().sets, 0)
})

test('undici: an http origin is connected without TLS', async t => {
  const server = net.createServer(socket => {
    socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const dispatcher = new Agent({ connect: buildConnector() })
  t.teardown(() => dispatcher.destroy())
  const { port } = server.address() as AddressInfo
  t.is(await (await request(`http://127.0.0.1:${port}`, { dispatcher })).body.text(), 'ok')
})

test('undici: a connection attempt ends after the timeout', async t => {
  const silent = net.createServer().listen(0, '127.0.0.1')
  await once(silent, 'listening')
  t.teardown(() => silent.close())
  const connect = buildConnector({ timeout: 50, sessionCache: null })
  const dispatcher = new Agent({ connect })
  t.teardown(() => dispatcher.destroy())
  const { port } = silent.address() as AddressInfo
  const error = await t.throwsAsync(request(`https://127.0.0.1:${port}`, { dispatcher }))
  t.is((error as NodeJS.ErrnoException).code, 'UND_ERR_CONNECT_TIMEOUT')
})

test('undici: a tunnel is upgraded and resumes, separately from direct connections', async t => {
  const { ca, handshakes, origin } = await startHttps(t)
  const sessionCache = new SessionCache()
  const connect = buildConnector({ ca, sessionCache })
  const port = Number(new URL(origin).port)
  const dispatcher = new Agent({ connect })
  await (await request(origin, { dispatcher })).body.dump()
  await dispatcher.close()
  for (let round = 0; round < 2; round++) {
    const httpSocket = net.connect(port, '127.0.0.1')
    await once(httpSocket, 'connect')
    const endpoint = {
      hostname: 'localhost',
      host: `localhost:${port}`,
      protocol: 'https:',
      port: `${port}`,
      httpSocket,
    }
    const socket = await new Promise<net.Socket>((resolve, reject) => {
      connect(endpoint, (error, connected) => (error ? reject(error) : resolve(connected as net.Socket)))
    })
    socket.end('GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n')
    await once(socket.resume(), 'close')
  }
  t.deepEqual(handshakes, { full: 2, resumed: 1 })
})

test('undici: invalid options are rejected', t => {
  const refuses = (options: object, code: string) =>
    t.throws(() => buildConnector(options as BuildConnectorOptions), { code })
  refuses({ timeout: -1 }, 'ERR_OUT_OF_RANGE')
  refuses({ timeout: '1' }, 'ERR_INVALID_ARG_TYPE')
  refuses({ allowH2: 1 }, 'ERR_INVALID_ARG_TYPE')
  refuses({ sessionCache: {} }, 'ERR_INVALID_ARG_TYPE')
})
