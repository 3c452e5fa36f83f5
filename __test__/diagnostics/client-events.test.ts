/** The outcome of each connection is published and counted, without a secret. */

import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import net, { type AddressInfo } from 'node:net'
import tls from 'node:tls'
import test, { type ExecutionContext } from 'ava'
import { type ClientMessage, clientStats, connect, install, SessionCache, uninstall } from 'tls-resumption'
import { outcome } from '../support/outcome.ts'
import { startServer, testAuthority } from '../support/server.ts'

/** Collects the messages about connections to the port. */
function listen(t: ExecutionContext, port: number | string): ClientMessage[] {
  const told: ClientMessage[] = []
  const onMessage = (message: unknown) => {
    const { peer } = message as ClientMessage
    if (peer.split(':').includes(String(port))) told.push(message as ClientMessage)
  }
  subscribe('tls-resumption:client', onMessage)
  t.teardown(() => unsubscribe('tls-resumption:client', onMessage))
  return told
}

async function setUp(t: ExecutionContext, options?: tls.TlsOptions) {
  const { server, port, ca } = await startServer(t, options)
  const sessionCache = new SessionCache()
  const dial = { port, host: '127.0.0.1', servername: 'localhost', ca, sessionCache }
  return { server, port, dial, sessionCache, told: listen(t, port) }
}

/** Starts a TCP server that never answers. */
async function startSilent(t: ExecutionContext) {
  const server = net.createServer(socket => socket.on('error', () => {}))
  t.teardown(() => server.close())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return { server, port: (server.address() as AddressInfo).port }
}

const reasons = (told: ClientMessage[]) => told.map(({ reason }) => reason)

test('client events: resumed, and no-session before it', async t => {
  const { port, dial, told } = await setUp(t)
  await outcome(connect(dial))
  await outcome(connect(dial))
  const peer = `tcp:127.0.0.1:${port}`
  const common = { peer, waited: false, waitTime: 0, protocol: 'TLSv1.3' }
  t.deepEqual(
    told.map(({ duration: _, ...message }) => message),
    [
      { ...common, reason: 'no-session', offered: false },
      { ...common, reason: 'resumed', offered: true },
    ],
  )
})

test('client events: the duration is that of the handshake, without the time to connect', async t => {
  const { port, dial, told } = await setUp(t)
  const secure: number[] = []
  const openTimed = async (options: tls.ConnectionOptions) => {
    const started = performance.now()
    const socket = connect(options)
    socket.once('secureConnect', () => secure.push(performance.now() - started))
    await outcome(socket)
  }
  for (let n = 0; n < 2; n++) await openTimed(dial)
  t.deepEqual(reasons(told), ['no-session', 'resumed'])
  for (const [index, { duration = NaN }] of told.entries()) {
    t.true(duration > 0)
    t.true(duration < (secure[index] ?? 0), `${duration} of ${secure[index]} ms`)
  }
  // A stream that is connected already has no time to connect.
  const stream = net.connect(port, '127.0.0.1')
  await once(stream, 'connect')
  await openTimed({ ...dial, socket: stream })
  t.true((told[2]?.duration ?? NaN) > 0)
})

test('client events: there is a duration of a handshake that fails, and none where no handshake starts', async t => {
  const { dial, told } = await setUp(t)
  const { ca: _, ...untrusting } = dial
  await outcome(connect(untrusting))
  const unheard = await startSilent(t)
  const socket = connect({ ...dial, port: unheard.port })
  const answered = listen(t, unheard.port)
  const [peer] = await once(unheard.server, 'connection')
  await once(peer, 'data')
  socket.destroy()
  await outcome(socket)
  const unconnected = connect(dial)
  unconnected.destroy()
  await outcome(unconnected)
  await outcome(connect({ ...dial, sessionCache: null }))
  const [untrusted, early, bypassed] = told
  t.deepEqual(reasons(told), ['failed', 'failed', 'opted-out'])
  t.true((untrusted?.duration ?? NaN) > 0)
  t.is(early?.duration, undefined)
  t.is(bypassed?.duration, undefined)
  t.true((answered[0]?.duration ?? NaN) > 0)
})

test('client events: rejected-by-peer', async t => {
  const { server, dial, told } = await setUp(t)
  await outcome(connect(dial))
  server.setTicketKeys(Buffer.from(Array.from({ length: 48 }, (_, index) => index)))
  await outcome(connect(dial))
  t.deepEqual(reasons(told), ['no-session', 'rejected-by-peer'])
  t.true(told[1]?.offered)
})

test('client events: reverification-failed', async t => {
  const { dial, told } = await setUp(t)
  let isGood = true
  const checkServerIdentity = () => (isGood ? undefined : new Error('revoked'))
  await outcome(connect({ ...dial, checkServerIdentity }))
  isGood = false
  await outcome(connect({ ...dial, checkServerIdentity }))
  t.deepEqual(reasons(told), ['no-session', 'failed'])
  // The second call is before an offer, and the third in the full handshake after it.
  let calls = 0
  const once = { ...dial, checkServerIdentity: () => (++calls === 2 ? new Error('not now') : undefined) }
  await outcome(connect(once))
  await outcome(connect(once))
  t.deepEqual(reasons(told).slice(2), ['no-session', 'reverification-failed'])
})

test('client events: backed-off after a peer that resets on an offer', async t => {
  const { port, ca } = await startServer(t)
  // Resets the clients that the test selects.
  let isBroken = false
  const front = net.createServer(client => {
    if (isBroken) return client.once('data', () => client.destroy())
    const back = net.connect(port, '127.0.0.1')
    client.pipe(back).pipe(client)
    client.on('error', () => back.destroy())
    return back.on('error', () => client.destroy())
  })
  t.teardown(() => front.close())
  await once(front.listen(0, '127.0.0.1'), 'listening')
  const sessionCache = new SessionCache()
  const frontPort = (front.address() as AddressInfo).port
  const dial = { port: frontPort, host: '127.0.0.1', servername: 'localhost', ca, sessionCache }
  const told = listen(t, frontPort)
  await outcome(connect(dial))
  isBroken = true
  await outcome(connect(dial))
  isBroken = false
  await outcome(connect(dial))
  await outcome(connect(dial))
  t.deepEqual(reasons(told), ['no-session', 'failed', 'backed-off', 'backed-off'])
})

test('client events: uncacheable, caller-session and opted-out are published at once', async t => {
  const { dial, told } = await setUp(t)
  const sockets = [
    connect({ ...dial, requestOCSP: true }),
    connect({ ...dial, session: Buffer.from('mine') }),
    connect({ ...dial, sessionCache: null }),
  ]
  t.deepEqual(reasons(told), ['uncacheable', 'caller-session', 'opted-out'])
  await Promise.all(sockets.map(outcome))
  t.is(told.length, 3)
})

test('client events: caller-session after setSession', async t => {
  const { dial, told } = await setUp(t)
  const socket = connect(dial) as tls.TLSSocket & { setSession(session: Buffer): void }
  socket.setSession(Buffer.from('mine'))
  await outcome(socket)
  t.deepEqual(reasons(told), ['caller-session'])
})

test('client events: failed', async t => {
  const { dial, told } = await setUp(t)
  const { ca: _, ...untrusting } = dial
  await outcome(connect(untrusting))
  const given = connect(dial)
  given.destroy()
  await outcome(given)
  t.deepEqual(reasons(told), ['failed', 'failed'])
})

test('client events: a connection over a given socket', async t => {
  const { port, dial, told } = await setUp(t)
  for (let n = 0; n < 2; n++) {
    const socket = net.connect(port, '127.0.0.1')
    await once(socket, 'connect')
    await outcome(connect({ ...dial, socket }))
  }
  t.deepEqual(reasons(told), ['no-session', 'resumed'])
})

test.serial('client events: excluded', async t => {
  const { port, ca } = await startServer(t)
  const told = listen(t, port)
  const dial = { port, host: '127.0.0.1', servername: 'localhost', ca }
  install({ sessionCache: new SessionCache(), exclude: ['localhost'] })
  await outcome(tls.connect(dial))
  install({ sessionCache: new SessionCache() })
  await outcome(tls.connect(dial))
  for (const optedOut of [{ maxCachedSessions: 0 }, { sessionCache: null }]) {
    await outcome(tls.connect({ ...dial, ...optedOut }))
  }
  uninstall()
  await outcome(tls.connect(dial))
  t.deepEqual(reasons(told), ['excluded', 'no-session', 'opted-out', 'opted-out'])
})

test('client events: connections are counted with and without subscribers', async t => {
  const { dial } = await setUp(t)
  const before = clientStats()
  await outcome(connect(dial))
  await outcome(connect(dial))
  // Connections of other tests count as well.
  t.true(clientStats().resumed > before.resumed)
  t.true(clientStats()['no-session'] > before['no-session'])
  const own = clientStats()
  own.resumed = -1
  t.true(clientStats().resumed >= 0)
})

test('client events: no message contains a secret', async t => {
  const { cert, issue } = await testAuthority()
  const identity = await issue({ commonName: 'client', usage: 'client' })
  const { dial, told, sessionCache } = await setUp(t, { requestCert: true, ca: cert })
  const options = { ...dial, ...identity, passphrase: 'hunter2', cachePartition: 'tenant of mine' }
  await outcome(connect(options))
  await outcome(connect({ ...options, session: Buffer.from('the session of mine') }))
  await outcome(connect({ ...options, pskCallback: () => null } as never))
  t.true(sessionCache.size > 0)
  t.is(told.length, 3)
  const text = JSON.stringify(told)
  for (const secret of ['hunter2', 'PRIVATE', 'tenant', 'session of']) t.false(text.includes(secret), text)
  for (const { peer } of told) t.regex(peer, /^tcp:127\.0\.0\.1:\d+$/)
})
