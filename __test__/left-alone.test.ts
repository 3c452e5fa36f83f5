/** A peer of which nothing comes is left to Node, but for a connection now and then that shows whether it has changed. */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import tls from 'node:tls'
import { Worker } from 'node:worker_threads'
import test, { type ExecutionContext } from 'ava'
import { type ConnectOptions, clientStats, connect, purge, SessionCache } from 'tls-resumption'
import { type Terms, wasOfNoUse, wasOfUse, whyLeftAlone } from '../dist/left-alone.js'
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

/** A server that is left alone, since it has handed out no tickets so far. */
async function leftAlone(t: ExecutionContext) {
  const server = await startServer(t)
  const options = dialTo(server)
  handOut(server, false)
  await inTurn(21, options)
  t.false(await isSeenTo(options))
  return { server, options }
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
    const [seenTo, left] = [connect(options), connect(options)]
    t.deepEqual([seenTo, left].map(isWatched), [true, false])
    t.is(contextOf(left), contextOf(seenTo))
    t.deepEqual(options, copy)
    await Promise.all([finish(seenTo), finish(left)])
  },
)

test.serial('one that is of use again is noticed at once, though its connections stay open', async t => {
  const { server, options } = await leftAlone(t)
  handOut(server, true)
  clock += 1000
  const first = connect(options)
  const [[session]] = await Promise.all([once(first, 'session'), once(first, 'secureConnect')])
  t.truthy(session)
  const second = connect(options)
  await once(second, 'secureConnect')
  t.true(second.isSessionReused())
  await Promise.all([finish(first), finish(second)])
})

test.serial('connections that are closed before a ticket can come say nothing of the peer', async t => {
  const server = await startServer(t)
  const options = dialTo(server)
  for (let i = 0; i < 30; i++) {
    const socket = connect(options)
    socket.once('secureConnect', () => socket.destroy())
    await once(socket, 'close')
  }
  t.deepEqual(await inTurn(2, options), [false, true])
})

test.serial('nor do they keep others from showing it', async t => {
  const server = await startServer(t)
  const options = dialTo(server)
  handOut(server, false)
  await inTurn(20, options)
  handOut(server, true)
  for (let i = 0; i < 3; i++) {
    const socket = connect(options)
    t.true(isWatched(socket))
    socket.once('secureConnect', () => socket.destroy())
    await once(socket, 'close')
  }
  t.deepEqual(await inTurn(2, options), [false, true])
})

test.serial('nor do those whose sessions are gone by their end', async t => {
  const server = await startServer(t, { maxVersion: 'TLSv1.2' })
  const options = { ...dialTo(server), coalesce: false }
  const sockets = Array.from({ length: 30 }, () => connect(options))
  await Promise.all(sockets.map(socket => once(socket, 'secureConnect')))
  options.sessionCache.clear()
  await Promise.all(sockets.map(finish))
  const next = [connect(options), connect(options)]
  t.deepEqual(next.map(isWatched), [true, true])
  await Promise.all(next.map(finish))
})

test.serial('nor do those of which nothing is kept because of a purge', async t => {
  const server = await startServer(t)
  const options = { ...dialTo(server), coalesce: false }
  const sockets = Array.from({ length: 30 }, () => connect(options))
  await Promise.all(sockets.map(socket => once(socket, 'connect')))
  purge({ host: options.host as string })
  await Promise.all(sockets.map(finish))
  t.is(options.sessionCache.size, 0)
  t.deepEqual(await inTurn(2, options), [false, true])
})

test.serial('one client of no use does not stand in the way of another', async t => {
  const server = await startServer(t)
  const options = dialTo(server)
  // It keeps nothing, since nothing has room.
  const useless = { ...options, sessionCache: new SessionCache({ maxSize: 1 }) }
  await inTurn(21, useless)
  t.false(await isSeenTo(useless))
  t.deepEqual(await inTurn(2, options), [false, true])
  t.false(await isSeenTo(useless))
})

test.serial('a connection that Node refuses to make is not counted', async t => {
  const { options } = await leftAlone(t)
  const before = clientStats()
  t.throws(() => connect({ ...options, timeout: 'soon' as never }))
  t.deepEqual(clientStats(), before)
})

const cache = new SessionCache()

function to(options: tls.ConnectionOptions, cachePartition?: string): Terms {
  return { cache, options, context: 'a context', cachePartition }
}

function useless(terms: Terms, times: number): void {
  for (let i = 0; i < times; i++) wasOfNoUse(terms, 'no-session')
}

/** The first is always seen to. */
function isLeftAlone(terms: Terms): boolean {
  whyLeftAlone(terms)
  return whyLeftAlone(terms) !== undefined
}

test.serial('after twenty in a row, and one in a second', t => {
  const peer = to({ host: 'db.example', port: 1 })
  useless(peer, 19)
  t.false(isLeftAlone(peer))
  wasOfUse(peer)
  useless(peer, 19)
  t.false(isLeftAlone(peer))
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

test.serial('whoever was left alone ten seconds ago is met as if for the first time', t => {
  const peer = to({ host: 'db.example', port: 7 })
  useless(peer, 20)
  t.true(isLeftAlone(peer))
  clock += 9_999
  t.true(isLeftAlone(peer))
  clock += 1
  t.false(isLeftAlone(peer))
  t.is(whyLeftAlone(peer), undefined)
})

test.serial('whatever makes another key makes another peer', t => {
  const peer = to({ host: 'db.example', port: 2, servername: 'db.example' }, 'a')
  useless(peer, 20)
  t.true(isLeftAlone({ ...peer, options: { ...peer.options } }))
  const others: tls.ConnectionOptions[] = [
    { host: 'db2.example' },
    { port: 3 },
    { servername: 'other.example' },
    { path: '/run/db' },
    { rejectUnauthorized: false },
    { minDHSize: 2048 },
  ]
  for (const other of others) {
    t.false(isLeftAlone({ ...peer, options: { ...peer.options, ...other } }), Object.keys(other)[0])
  }
  t.false(isLeftAlone({ ...peer, cachePartition: 'b' }))
  t.false(isLeftAlone({ ...peer, context: 'another' }))
  t.false(isLeftAlone({ ...peer, cache: new SessionCache() }))
})

test.serial(
  'what could not resume anyhow, or goes over another connection, is seen to and says nothing',
  t => {
    const peer = to({ host: 'db.example', port: 4 })
    const others: tls.ConnectionOptions[] = [
      { socket: new tls.TLSSocket(null as never) },
      { pskCallback: () => null },
      { requestOCSP: true },
    ]
    const terms = others.map(other => ({ ...peer, options: { ...peer.options, ...other } }))
    for (const other of terms) useless(other, 30)
    t.false(isLeftAlone(peer))
    useless(peer, 20)
    t.true(isLeftAlone(peer))
    for (const other of terms) t.false(isLeftAlone(other))
  },
)

test.serial('a purge begins anew, in whichever thread', async t => {
  const peer = to({ host: 'db.example', port: 5 })
  const inWorker = "import('tls-resumption').then(({ purge }) => purge({ host: 'other.example' }))"
  const purges = [
    () => purge({ host: 'db.example' }),
    () => once(new Worker(inWorker, { eval: true }), 'exit'),
  ]
  for (const begin of purges) {
    useless(peer, 20)
    t.true(isLeftAlone(peer))
    await begin()
    t.is(whyLeftAlone(peer), undefined)
    t.is(whyLeftAlone(peer), undefined)
  }
})

test.serial('no more than a thousand peers are remembered', t => {
  const peer = to({ host: 'db.example', port: 6 })
  useless(peer, 20)
  for (let port = 0; port < 1000; port++) useless(to({ host: `${port}.example`, port }), 1)
  t.false(isLeftAlone(peer))
})

test.serial('and of a host no more than sixteen', t => {
  const [first, last] = [1, 17].map(port => to({ host: 'many.example', port })) as [Terms, Terms]
  for (let port = 1; port <= 17; port++) useless(to({ host: 'many.example', port }), 20)
  t.false(isLeftAlone(first))
  t.true(isLeftAlone(last))
})
