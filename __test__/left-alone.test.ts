/** A peer of which nothing comes is left to Node, but for a connection now and then that shows whether it has changed. */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import tls from 'node:tls'
import test from 'ava'
import { type ConnectOptions, clientStats, connect, purge, SessionCache } from 'tls-resumption'
import { wasOfNoUse, wasOfUse, whyLeftAlone } from '../dist/left-alone.js'
import { finish, SSL_OP_NO_TICKET, startServer, type TestServer } from './helpers/server.ts'

/** What decides when a connection is seen to again is the clock alone. */
let clock = Date.now()
test.before(() => {
  Date.now = () => clock
})

function dialTo({ port, ca }: TestServer): ConnectOptions & { sessionCache: SessionCache } {
  return { port, host: '127.0.0.1', ca, servername: 'localhost', sessionCache: new SessionCache() }
}

async function inTurn(count: number, options: ConnectOptions): Promise<boolean[]> {
  const resumed: boolean[] = []
  for (let i = 0; i < count; i++) resumed.push((await finish(connect(options))).resumed)
  return resumed
}

/** Has the server hand out no tickets, or again. */
function handOut({ server }: TestServer, tickets: boolean): void {
  const { context } = (server as unknown as { _sharedCreds: { context: TicketHook } })._sharedCreds
  const [name, mac, cipher] = [Buffer.alloc(16, 1), Buffer.alloc(16, 2), Buffer.alloc(16, 3)]
  context.onticketkeycallback = (_name, iv, isSealing) =>
    isSealing ? [tickets ? 1 : 0, mac, cipher, name, iv] : [tickets ? 1 : 0, mac, cipher]
  context.enableTicketKeyCallback()
}

interface TicketHook {
  onticketkeycallback(name: Buffer, iv: Buffer, isSealing: boolean): unknown[]
  enableTicketKeyCallback(): void
}

/** Whether we have a listener of our own for the end of the handshake. */
function isWatched(socket: tls.TLSSocket): boolean {
  return socket.listenerCount('secureConnect') > 0
}

async function isSeenTo(options: ConnectOptions): Promise<boolean> {
  const socket = connect(options)
  const isSeenTo = isWatched(socket)
  await finish(socket)
  return isSeenTo
}

function contextOf(socket: tls.TLSSocket): unknown {
  return (socket as unknown as { _tlsOptions: tls.ConnectionOptions })._tlsOptions.secureContext
}

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  test.serial(`${version}: a peer that hands out no session, until it does`, async t => {
    const server = await startServer(t, { minVersion: version, maxVersion: version })
    const options = dialTo(server)
    handOut(server, false)
    const before = clientStats()['no-session']
    t.true(await isSeenTo(options))
    t.deepEqual(await inTurn(19, options), Array(19).fill(false))
    // The twenty-first, since none was seen to after that.
    t.true(await isSeenTo(options))
    t.false(await isSeenTo(options))
    handOut(server, true)
    t.deepEqual(await inTurn(3, options), [false, false, false])
    t.is(clientStats()['no-session'] - before, 25)
    clock += 1000
    t.deepEqual(await inTurn(3, options), [false, true, true])
    t.deepEqual(server.handshakes, { full: 26, resumed: 2 })
  })
}

test.serial('a peer that refuses all sessions, until it does not', async t => {
  const server = await startServer(t)
  const options = dialTo(server)
  await finish(connect(options))
  const refuseAll = () => server.server.setTicketKeys(randomBytes(48))
  for (let i = 0; i < 39; i++) {
    refuseAll()
    await inTurn(1, options)
  }
  const before = clientStats()['backed-off']
  t.true(await isSeenTo(options))
  t.false(await isSeenTo(options))
  t.is(clientStats()['backed-off'] - before, 2)
  const { now } = performance
  performance.now = () => now.call(performance) + 10_000
  t.teardown(() => {
    performance.now = now
  })
  // Once more with what it had from the one that was seen to last, whose key is still good.
  clock += 1000
  t.deepEqual(await inTurn(2, options), [true, true])
})

test.serial(
  'what a library keeps of a peer that is left alone does not win as a session of the caller',
  async t => {
    const server = await startServer(t, { maxVersion: 'TLSv1.2', secureOptions: SSL_OP_NO_TICKET })
    const options = dialTo(server)
    await inTurn(40, options)
    t.true(await isSeenTo(options))
    const socket = connect(options)
    t.false(isWatched(socket))
    const [[session]] = await Promise.all([once(socket, 'session'), finish(socket)])
    const before = clientStats()['callers-session']
    await finish(connect({ ...options, session: session as Buffer }))
    t.is(clientStats()['callers-session'], before)
    // Another one does.
    const foreign = tls.connect({ ...options, host: '127.0.0.1' })
    const [[theirs]] = await Promise.all([once(foreign, 'session'), finish(foreign)])
    await finish(connect({ ...options, session: theirs as Buffer }))
    t.is(clientStats()['callers-session'], before + 1)
  },
)

test.serial(
  'it shares the context with those that are seen to, and its options are left as they were',
  async t => {
    const server = await startServer(t)
    const options = dialTo(server)
    handOut(server, false)
    await inTurn(20, options)
    const copy = { ...options }
    const [seenTo, leftAlone] = [connect(options), connect(options)]
    t.deepEqual([seenTo, leftAlone].map(isWatched), [true, false])
    t.is(contextOf(leftAlone), contextOf(seenTo))
    t.deepEqual(options, copy)
    await Promise.all([finish(seenTo), finish(leftAlone)])
  },
)

function useless(options: tls.ConnectionOptions, times: number): void {
  for (let i = 0; i < times; i++) wasOfNoUse(options, 'no-session')
}

test.serial('after twenty in a row, and one in a second', t => {
  const peer = { host: 'db.example', port: 1 }
  useless(peer, 19)
  t.is(whyLeftAlone(peer), undefined)
  wasOfUse(peer)
  useless(peer, 19)
  t.is(whyLeftAlone(peer), undefined)
  useless(peer, 1)
  t.is(whyLeftAlone(peer), undefined, 'the first is seen to')
  for (let ms = 0; ms < 1000; ms += 100) {
    t.is(whyLeftAlone(peer), 'no-session')
    clock += 100
  }
  t.is(whyLeftAlone(peer), undefined)
  t.is(whyLeftAlone(peer), 'no-session')
  clock -= 3_600_000
  t.is(whyLeftAlone(peer), undefined, 'a clock that was set back keeps nobody waiting')
  clock += 3_600_000
})

test.serial('another port, name or way there is another peer', t => {
  const peer = { host: 'db.example', port: 2, servername: 'db.example' }
  useless(peer, 20)
  whyLeftAlone(peer)
  t.is(whyLeftAlone({ ...peer }), 'no-session')
  for (const other of [
    { host: 'db2.example' },
    { port: 3 },
    { servername: 'other.example' },
    { path: '/run/db' },
  ]) {
    t.is(whyLeftAlone({ ...peer, ...other }), undefined, JSON.stringify(other))
  }
})

test.serial('what the name does not tell is always seen to', t => {
  const peer = { host: 'db.example', port: 4 }
  const others = [
    { socket: new tls.TLSSocket(null as never) },
    { pskCallback: () => null },
    { requestOCSP: true },
  ]
  for (const other of others) useless({ ...peer, ...other } as tls.ConnectionOptions, 30)
  t.is(whyLeftAlone(peer), undefined)
  useless(peer, 20)
  whyLeftAlone(peer)
  t.is(whyLeftAlone(peer), 'no-session')
  for (const other of others) {
    t.is(whyLeftAlone({ ...peer, ...other } as tls.ConnectionOptions), undefined, Object.keys(other)[0])
  }
})

test.serial('a purge begins anew', t => {
  const peer = { host: 'db.example', port: 5 }
  useless(peer, 20)
  whyLeftAlone(peer)
  t.is(whyLeftAlone(peer), 'no-session')
  purge({ host: 'db.example' })
  t.is(whyLeftAlone(peer), undefined)
})
