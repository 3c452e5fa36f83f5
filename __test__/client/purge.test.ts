/** Sessions that are forgotten by hand, in all threads at once. */
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import https from 'node:https'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import tls from 'node:tls'
import { Worker } from 'node:worker_threads'
import test, { type ExecutionContext } from 'ava'
import {
  type ConnectOptions,
  connect,
  install,
  type PurgeOptions,
  purge,
  SessionCache,
  sessionKey,
  uninstall,
} from 'tls-resumption'
import { DEFAULT_CLIENT_CACHE } from '../../dist/cache/session-cache.js'
import { treatAs } from '../../dist/key/function-identity.js'
import { finish, startServer, testAuthority } from '../support/server.ts'
import { startStallingProxy } from '../support/stalling-proxy.ts'

// Serial, since a purge of all peers means those of every test.
const FULL = { resumed: false, authorized: true }
const RESUMED = { resumed: true, authorized: true }

async function optionsFor(t: ExecutionContext, tlsOptions?: tls.TlsOptions) {
  const { port, ca } = await startServer(t, tlsOptions)
  return { host: '127.0.0.1', port, ca, servername: 'localhost', sessionCache: new SessionCache() }
}

/** Connects, and once more, since the second one shows what there is. */
async function meet(t: ExecutionContext, options: ConnectOptions): Promise<void> {
  await finish(connect(options))
  t.deepEqual(await finish(connect(options)), RESUMED)
}

for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
  test.serial(`${maxVersion}: a peer that was purged is met with a full handshake, and no other`, async t => {
    const [purged, other] = await Promise.all([optionsFor(t, { maxVersion }), optionsFor(t, { maxVersion })])
    await meet(t, purged)
    await meet(t, other)
    purge({ host: '127.0.0.1', port: purged.port })
    t.is(purged.sessionCache.size, 0, 'what this thread has stored is wiped')
    t.deepEqual(await finish(connect(other)), RESUMED)
    t.deepEqual(await finish(connect(purged)), FULL)
    t.deepEqual(await finish(connect(purged)), RESUMED)
  })

  test.serial(`${maxVersion}: a connection under way offers nothing, and nothing is kept of it`, async t => {
    const options = await optionsFor(t, { maxVersion })
    await meet(t, options)
    const early = connect(options)
    purge({ host: 'localhost' })
    t.deepEqual(await finish(early), FULL)
    t.is(options.sessionCache.size, 0)
    await meet(t, options)
    // Verified before it, at the latest.
    options.sessionCache.clear()
    const late = connect(options)
    late.prependOnceListener('secureConnect', () => purge({ host: 'localhost' }))
    t.deepEqual(await finish(late), FULL)
    t.is(options.sessionCache.size, 0)
    t.deepEqual(await finish(connect(options)), FULL)
  })
}

const WAYS: Record<string, (options: { port: number }) => PurgeOptions | undefined> = {
  'its host': () => ({ host: '127.0.0.1' }),
  'its server name': () => ({ host: 'localhost' }),
  'its name, whatever the case': () => ({ host: 'LOCALHOST' }),
  'its name and port': ({ port }) => ({ host: 'localhost', port }),
  'no options, since all peers are meant': () => undefined,
}
for (const [name, wayOf] of Object.entries(WAYS)) {
  test.serial(`a peer is purged by ${name}`, async t => {
    const options = await optionsFor(t)
    await meet(t, options)
    purge(wayOf(options))
    t.deepEqual(await finish(connect(options)), FULL)
  })
}

test.serial('another host, or another port, is not meant', async t => {
  const options = await optionsFor(t)
  await meet(t, options)
  purge({ host: 'db.example' })
  purge({ host: 'localhost', port: options.port === 1 ? 2 : 1 })
  t.deepEqual(await finish(connect(options)), RESUMED)
})

test.serial('an IPv6 address is meant with brackets and without', t => {
  for (const [given, purged] of [
    ['::1', '[::1]'],
    ['[::1]', '::1'],
  ] as const) {
    const before = sessionKey({ host: given, port: 1 })
    purge({ host: purged, port: 1 })
    t.not(sessionKey({ host: given, port: 1 }), before)
  }
})

test.serial('a unix socket is meant by its path', async t => {
  const directory = mkdtempSync(join(tmpdir(), 'tls-resumption-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  const { server, ca } = await startServer(t)
  const path = join(directory, 'a socket')
  const front = net.createServer(socket => server.emit('connection', socket)).listen(path)
  t.teardown(() => front.close())
  await once(front, 'listening')
  const options = { path, ca, servername: 'localhost', sessionCache: new SessionCache() }
  await meet(t, options)
  purge({ host: path })
  t.deepEqual(await finish(connect(options)), FULL)
})

test.serial(
  'over a socket a peer is meant by its name, by where the socket leads, and with a port',
  async t => {
    const { port, ca } = await startServer(t)
    const sessionCache = new SessionCache()
    const open = async () => {
      const socket = net.connect(port, '127.0.0.1')
      await once(socket, 'connect')
      return connect({ socket, ca, servername: 'localhost', sessionCache })
    }
    for (const purged of [{ host: 'localhost' }, { host: '127.0.0.1' }, { host: 'localhost', port }]) {
      await finish(await open())
      t.deepEqual(await finish(await open()), RESUMED)
      purge(purged)
      t.deepEqual(await finish(await open()), FULL)
    }
    // Where the port is unknown, any may be meant.
    const unknown = () => sessionKey({ socket: new PassThrough(), host: 'db.example' })
    const before = unknown()
    purge({ host: 'db.example', port: 5432 })
    t.not(unknown(), before)
  },
)

test.serial('a host is meant however it is spelled', t => {
  for (const spellings of [
    ['db.example', 'DB.example', 'db.example.'],
    ['bücher.example', 'xn--bcher-kva.example', 'BÜCHER.example.'],
    ['127.0.0.1', '::ffff:127.0.0.1', '[::FFFF:7F00:1]'],
    ['2001:db8::1', '2001:DB8:0:0::1', '[2001:db8::0001]'],
    ['fe80::1%eth0', 'FE80::1%eth0'],
  ]) {
    for (const host of spellings) {
      for (const purged of spellings) {
        const before = sessionKey({ host, port: 5432 })
        purge({ host: purged })
        t.not(sessionKey({ host, port: 5432 }), before, `${purged} is ${host}`)
      }
    }
  }
})

test.serial('purge: over a unix socket a peer is meant by the host of the options as well', t => {
  const options = { path: '/run/peer.sock', host: 'db.example' }
  for (const host of ['/run/peer.sock', 'DB.example']) {
    const before = sessionKey(options)
    purge({ host })
    t.not(sessionKey(options), before)
  }
  // Node verifies that name where the options have none.
  const before = sessionKey({ path: '/run/peer.sock' })
  purge({ host: 'localhost' })
  t.not(sessionKey({ path: '/run/peer.sock' }), before)
})

test.serial('purge: in a tunnel a peer is meant by its own port and by that of the socket', async t => {
  const { port } = await startServer(t)
  const socket = net.connect(port, '127.0.0.1')
  t.teardown(() => socket.destroy())
  await once(socket, 'connect')
  const options = { socket, host: 'origin.example', port: 443 }
  for (const peer of [
    { host: 'origin.example', port: 443 },
    { host: '127.0.0.1', port },
  ]) {
    const before = sessionKey(options)
    purge(peer)
    t.not(sessionKey(options), before)
  }
})

test.serial('a connection that waits for another one goes on with a full handshake', async t => {
  const { port, ca } = await startServer(t)
  const gate = await startStallingProxy(t, port)
  const options = { port: gate.port, ca, servername: 'localhost', sessionCache: new SessionCache() }
  const leader = connect(options)
  const passage = await gate.next()
  const follower = connect(options)
  await Promise.all([gate.next(), once(follower, 'connect')])
  purge({ host: 'localhost' })
  passage.open()
  t.deepEqual(await Promise.all([finish(leader), finish(follower)]), [FULL, FULL])
  t.is(options.sessionCache.size, 0)
})

test.serial('purge: the contexts that connections share are replaced', async t => {
  const options = await optionsFor(t)
  const { createSecureContext } = tls
  let made = 0
  tls.createSecureContext = options => {
    made++
    return createSecureContext(options)
  }
  treatAs(tls.createSecureContext, createSecureContext)
  t.teardown(() => {
    tls.createSecureContext = createSecureContext
  })
  await meet(t, options)
  t.is(made, 1)
  purge({ host: 'elsewhere.example' })
  t.deepEqual(await finish(connect(options)), RESUMED)
  t.is(made, 2)
})

test.serial(
  'what https.Agent keeps itself is not offered either, where tls.connect is installed',
  async t => {
    const { cert: ca, issue } = await testAuthority()
    const identity = await issue({ commonName: 'localhost', usage: 'server' })
    const resumed: boolean[] = []
    const server = https.createServer(identity, (request, response) => {
      resumed.push((request.socket as tls.TLSSocket).isSessionReused())
      response.setHeader('Connection', 'close').end()
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    t.teardown(() => server.close())
    install({ sessionCache: new SessionCache() })
    t.teardown(uninstall)
    const agent = new https.Agent({ ca })
    const { port } = server.address() as net.AddressInfo
    const get = async () => {
      const [response] = await once(https.get({ host: 'localhost', port, agent }), 'response')
      await once(response.resume(), 'close')
    }
    await get()
    await get()
    purge({ host: 'localhost', port })
    await get()
    t.deepEqual(resumed, [false, true, false])
  },
)

test.serial('what a library kept of a connection under way does not win later', async t => {
  const options = await optionsFor(t)
  install({ sessionCache: options.sessionCache })
  t.teardown(uninstall)
  const { sessionCache: _, ...rest } = options
  const socket = tls.connect(rest)
  socket.prependOnceListener('secureConnect', () => purge({ host: 'localhost' }))
  const [[session]] = await Promise.all([once(socket, 'session'), finish(socket)])
  t.deepEqual(await finish(tls.connect({ ...rest, session: session as Buffer })), FULL)
})

test.serial('a purge holds in all threads at once, in whichever it was done', async t => {
  const name = `purge ${process.pid}`
  const { port, ca } = await startServer(t)
  const options = { port, ca, servername: 'localhost' }
  const worker = new Worker(new URL('../workers/purging.ts', import.meta.url), {
    workerData: { name, options },
  })
  t.teardown(() => worker.terminate())
  const ask = async (what: 'connect' | 'purge') => {
    worker.postMessage(what)
    const [answer] = await once(worker, 'message')
    return answer
  }
  const sessionCache = new SessionCache({ name })
  const here = () => finish(connect({ ...options, sessionCache }))
  t.deepEqual(await ask('connect'), FULL)
  t.deepEqual(await here(), RESUMED)
  // By the thread that has stored nothing, and cannot look up what the other one has.
  purge({ host: 'localhost' })
  t.deepEqual(await here(), FULL)
  t.deepEqual(await ask('connect'), RESUMED)
  await ask('purge')
  t.deepEqual(await ask('connect'), FULL)
  t.deepEqual(await here(), RESUMED)
  t.true(sessionCache.stats().deletes > 0, 'each wipes what it has stored when it connects')
})

test.serial("purge: without options it clears the default cache, also of other threads' sessions", t => {
  const shared = new SessionCache({ name: DEFAULT_CLIENT_CACHE })
  shared.set('of another thread', Buffer.from('a session'))
  purge()
  t.is(shared.size, 0)
})

test.serial('options that are wrong are refused, and nothing is forgotten', async t => {
  const options = await optionsFor(t)
  await meet(t, options)
  const { port } = options
  const wrong: [unknown, string][] = [
    [5, 'ERR_INVALID_ARG_TYPE'],
    [{ host: 5 }, 'ERR_INVALID_ARG_TYPE'],
    [{ host: '' }, 'ERR_OUT_OF_RANGE'],
    [{ port }, 'ERR_INVALID_ARG_TYPE'],
    [{ host: 'localhost', port: `${port}` }, 'ERR_INVALID_ARG_TYPE'],
    [{ host: 'localhost', port: 65_536 }, 'ERR_OUT_OF_RANGE'],
    [{ host: `localhost:${port}` }, 'ERR_OUT_OF_RANGE'],
    [{ host: '*.example' }, 'ERR_OUT_OF_RANGE'],
    [{ hostname: 'localhost' }, 'ERR_TLS_RESUMPTION_UNKNOWN_OPTION'],
  ]
  for (const [given, code] of wrong) t.throws(() => purge(given as PurgeOptions), { code }, `${given}`)
  t.deepEqual(await finish(connect(options)), RESUMED)
})
