/** Tickets of real servers whose keys come from a ring. */
import { randomBytes } from 'node:crypto'
import tls from 'node:tls'
import test, { type ExecutionContext } from 'ava'
import { connect, resumeSessions, SessionCache, TicketKeys } from 'tls-resumption'
import { native } from '../../dist/native/addon.js'
import { TicketKeys as RingOfBuild } from '../../dist/server/tickets/ticket-keys.js'
import { finish, SSL_OP_NO_TICKET, startServer, testAuthority } from '../support/server.ts'

const VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const

/** Returns a client that reconnects with the session it got last, and resolves with whether it resumed. */
function client(port: number, ca: string, options: tls.ConnectionOptions = {}) {
  let session: Buffer | undefined
  return async (to = port): Promise<boolean> => {
    const socket = tls.connect({
      port: to,
      host: '127.0.0.1',
      servername: 'localhost',
      ca,
      session,
      ...options,
    })
    socket.on('session', latest => {
      session = latest
    })
    // Node.js emits no session that a TLS 1.2 server renews while it resumes.
    socket.on('secureConnect', () => {
      if (socket.getProtocol() === 'TLSv1.2') session = socket.getSession()
    })
    return (await finish(socket)).resumed
  }
}

for (const version of VERSIONS) {
  const only = { minVersion: version, maxVersion: version }

  test(`${version}: ring: a rotation costs no resumption while the key is kept`, async t => {
    const keys = new TicketKeys({ keep: 3 })
    const { server, port, ca } = await startServer(t, only)
    keys.attach(server)
    const reconnects = client(port, ca)
    const resumed: boolean[] = []
    for (const rotations of [0, 0, 1, 2, 3, 0]) {
      for (let n = 0; n < rotations; n++) keys.rotate()
      resumed.push(await reconnects())
    }
    t.deepEqual(resumed, [false, true, true, true, false, true])
    const { accepted, acceptedWithRetiredKey, unknown, ambiguousClientTrust } = keys.stats()
    t.deepEqual([accepted, acceptedWithRetiredKey, unknown, ambiguousClientTrust], [4, 2, 1, 0])
  })

  test(`${version}: Node alone: setTicketKeys rejects all earlier tickets`, async t => {
    const { server, port, ca } = await startServer(t, only)
    const reconnects = client(port, ca)
    t.false(await reconnects())
    t.true(await reconnects())
    server.setTicketKeys(Buffer.from(Array.from({ length: 48 }, (_, index) => index)))
    t.false(await reconnects())
  })

  test(`${version}: ring: a ticket of one server is accepted by another with the same ring`, async t => {
    const name = t.title
    const { issue } = await testAuthority()
    const identity = await issue({ commonName: 'localhost', usage: 'server' })
    const [a, b] = [
      await startServer(t, { ...only, ...identity }),
      await startServer(t, { ...only, ...identity }),
    ]
    new TicketKeys({ name }).attach(a.server)
    new TicketKeys({ name }).attach(b.server)
    const reconnects = client(a.port, a.ca)
    t.deepEqual([await reconnects(), await reconnects(b.port), await reconnects(a.port)], [false, true, true])
  })

  test(`${version}: ring: servers that trust different clients do not resume each other's tickets`, async t => {
    const name = t.title
    const { cert, issue } = await testAuthority()
    const identity = await issue({ commonName: 'localhost', usage: 'server' })
    const open = await startServer(t, { ...only, ...identity })
    const strict = await startServer(t, { ...only, ...identity, requestCert: true, ca: cert })
    for (const { server } of [open, strict]) new TicketKeys({ name }).attach(server)
    const reconnects = client(open.port, open.ca)
    t.false(await reconnects())
    t.true(await reconnects())
    await t.throwsAsync(reconnects(strict.port))
    t.deepEqual(strict.handshakes, { full: 0, resumed: 0 })
  })

  test(`${version}: ring: setSecureContext does not end it`, async t => {
    const keys = new TicketKeys()
    const { issue } = await testAuthority()
    const identity = await issue({ commonName: 'localhost', usage: 'server' })
    const { server, port, ca } = await startServer(t, { ...only, ...identity })
    keys.attach(server)
    const reconnects = client(port, ca)
    t.false(await reconnects())
    server.setSecureContext({ ...only, ...identity })
    t.true(await reconnects())
  })

  test(`${version}: ring: a server with requestCert and contexts by name hands out no tickets`, async t => {
    const keys = new TicketKeys()
    const { cert, issue } = await testAuthority()
    const trust = { requestCert: true, ca: cert }
    const { server, port, ca, handshakes } = await startServer(t, { ...only, ...trust })
    server.addContext(
      'other.example',
      tls.createSecureContext(await issue({ commonName: 'o', usage: 'server' })),
    )
    keys.attach(server)
    const identity = await issue({ commonName: 'client', usage: 'client' })
    const reconnects = client(port, ca, identity)
    for (let n = 0; n < 3; n++) t.false(await reconnects())
    t.deepEqual(handshakes, { full: 3, resumed: 0 })
    t.is(keys.stats().issued, 0)
    t.true(keys.stats().ambiguousClientTrust >= 3)
  })

  test(`${version}: ring: with uniformClientTrust a server with requestCert and contexts by name resumes`, async t => {
    const { cert, issue } = await testAuthority()
    const trust = { requestCert: true, ca: cert }
    const { server, port, ca } = await startServer(t, { ...only, ...trust })
    server.addContext(
      'other.example',
      tls.createSecureContext(await issue({ commonName: 'o', usage: 'server' })),
    )
    new TicketKeys().attach(server, { uniformClientTrust: true })
    const reconnects = client(port, ca, await issue({ commonName: 'client', usage: 'client' }))
    t.deepEqual([await reconnects(), await reconnects()], [false, true])
  })

  test(`${version}: ring: a server resumes with Node's own keys after the ring is disposed of`, async t => {
    const { server, port, ca } = await startServer(t, only)
    const keys = new TicketKeys()
    keys.attach(server)
    const reconnects = client(port, ca)
    t.deepEqual([await reconnects(), await reconnects()], [false, true])
    keys[Symbol.dispose]()
    t.deepEqual([await reconnects(), await reconnects()], [false, true])
  })

  test(`${version}: ring: a server resumes as with Node alone after the ring is detached`, async t => {
    const { issue } = await testAuthority()
    const identity = await issue({ commonName: 'localhost', usage: 'server' })
    const ticketKeys = randomBytes(48)
    const [ours, plain] = [
      await startServer(t, { ...only, ...identity, ticketKeys }),
      await startServer(t, { ...only, ...identity, ticketKeys }),
    ]
    const attached = new TicketKeys().attach(ours.server)
    const resumption = resumeSessions(ours.server, { sessionCache: new SessionCache() })
    const reconnects = client(ours.port, ours.ca)
    t.deepEqual([await reconnects(), await reconnects()], [false, true])
    attached[Symbol.dispose]()
    resumption[Symbol.dispose]()
    t.false(await reconnects())
    t.true(await reconnects(), "by Node's own keys")
    t.true(await reconnects(plain.port), 'and a server without the package accepts the tickets')
    t.true(await reconnects(ours.port))
    ours.server.setTicketKeys(randomBytes(48))
    t.false(await reconnects(ours.port), 'setTicketKeys() works as with Node alone')
  })

  test(`${version}: ring: a server resumes by session ID and by ticket`, async t => {
    const { server, port, ca } = await startServer(t, only)
    new TicketKeys().attach(server)
    resumeSessions(server, { sessionCache: new SessionCache() })
    const withTickets = client(port, ca)
    const withIds = client(port, ca, { secureOptions: SSL_OP_NO_TICKET })
    t.deepEqual([await withTickets(), await withTickets()], [false, true])
    const first = await withIds()
    t.deepEqual([first, await withIds()], [false, true])
  })
}

test.serial('TLSv1.2: ring: a ticket of the active key is not renewed, one of a retired key is', async t => {
  const keys = new TicketKeys({ keep: 3 })
  const only = { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' } as const
  const [ours, plain] = [await startServer(t, only), await startServer(t, only)]
  keys.attach(ours.server)
  const ticketAfter = async ({ port, ca }: typeof ours, session: Buffer | undefined) => {
    const socket = tls.connect({ port, ca, host: '127.0.0.1', servername: 'localhost', session, ...only })
    let [ticket, made] = [undefined as Buffer | undefined, session]
    socket.once('secureConnect', () => {
      ticket = socket.getTLSTicket()
      made = socket.getSession()
    })
    const { resumed } = await finish(socket)
    return { resumed, ticket, session: made }
  }
  for (const server of [plain, ours]) {
    const first = await ticketAfter(server, undefined)
    const again = await ticketAfter(server, first.session)
    t.deepEqual([first.resumed, again.resumed], [false, true])
    t.deepEqual(again.ticket, first.ticket, 'as with Node alone')
    if (server === plain) continue
    void keys.rotate()
    const renewed = await ticketAfter(server, again.session)
    t.true(renewed.resumed)
    t.notDeepEqual(renewed.ticket, first.ticket)
  }
  t.is(keys.stats().issued, 2)
})

test('ring: connections of both versions at once are renewed by their own version', async t => {
  const keys = new TicketKeys()
  const { port, ca } = await startServer(t, {}).then(started => {
    keys.attach(started.server)
    resumeSessions(started.server, { sessionCache: new SessionCache() })
    return started
  })
  const clients = Array.from({ length: 20 }, (_, index) => {
    const version = VERSIONS[index % 2] as tls.SecureVersion
    return client(port, ca, { minVersion: version, maxVersion: version })
  })
  await Promise.all(clients.map(reconnect => reconnect()))
  const { issued } = keys.stats()
  t.deepEqual(new Set(await Promise.all(clients.map(reconnect => reconnect()))), new Set([true]))
  const renewed = keys.stats().issued - issued
  t.true(renewed >= 10, 'each client of TLS 1.3 has one')
  // Where a handshake cannot be told from another that waits for the rest of its ClientHello, a ticket of TLS 1.2 is renewed.
  t.true(renewed <= 20, 'none has two')
})

test('TLSv1.3: ring: a resumed connection gets a new ticket', async t => {
  const { server, port, ca, handshakes } = await startServer(t, { minVersion: 'TLSv1.3' })
  new TicketKeys().attach(server)
  const sessionCache = new SessionCache({ singleUse: true })
  for (let n = 0; n < 10; n++) {
    await finish(connect({ port, host: '127.0.0.1', servername: 'localhost', ca, sessionCache }))
  }
  t.deepEqual(handshakes, { full: 1, resumed: 9 })
})

test('ring: contexts of an SNICallback take their tickets from the ring', async t => {
  const { issue } = await testAuthority()
  const keys = new TicketKeys()
  const identity = await issue({ commonName: 'b', dnsNames: ['b.example'], usage: 'server' })
  const { server, port, ca } = await startServer(t, {
    SNICallback: (_name, answer) => setImmediate(answer, null, tls.createSecureContext(identity)),
  })
  keys.attach(server)
  const reconnects = client(port, ca, { servername: 'b.example' })
  const resumed = [await reconnects(), await reconnects()]
  keys.rotate()
  resumed.push(await reconnects())
  t.deepEqual(resumed, [false, true, true])
})

test('ring: without the callback in Node.js it falls back on setTicketKeys', async t => {
  const { server, port, ca } = await startServer(t)
  const context = (server as unknown as { _sharedCreds: { context: object } })._sharedCreds.context
  Object.defineProperty(context, 'enableTicketKeyCallback', { value: undefined })
  const keys = new TicketKeys()
  keys.attach(server)
  const reconnects = client(port, ca)
  t.deepEqual([await reconnects(), await reconnects()], [false, true])
  keys.rotate()
  t.deepEqual([await reconnects(), await reconnects()], [false, true])
})

test('ring: without the callback and without a key the keys of a server stay', async t => {
  const { server } = await startServer(t)
  const context = (server as unknown as { _sharedCreds: { context: object } })._sharedCreds.context
  Object.defineProperty(context, 'enableTicketKeyCallback', { value: undefined })
  const keys = new RingOfBuild()
  keys.attach(server)
  const before = server.getTicketKeys()
  const { ringActiveKey } = native
  // A ring in a file has no key if a process was stopped in the middle of its first rotation.
  native.ringActiveKey = () => false
  keys.rotate()
  native.ringActiveKey = ringActiveKey
  t.deepEqual(server.getTicketKeys(), before)
  keys.rotate()
  t.notDeepEqual(server.getTicketKeys(), before)
})

for (const version of VERSIONS) {
  test(`${version}: ring: without the callback in Node.js a server of ambiguous client trust has no tickets`, async t => {
    const { cert, issue } = await testAuthority()
    const identity = await issue({ commonName: 'client', usage: 'client' })
    const only = { minVersion: version, maxVersion: version, requestCert: true, ca: cert }
    const start = async (prepare: (server: tls.Server) => void) => {
      const { server, port, ca } = await startServer(t, only)
      const context = (server as unknown as { _sharedCreds: { context: object } })._sharedCreds.context
      Object.defineProperty(context, 'enableTicketKeyCallback', { value: undefined })
      server.addContext('other.example', {})
      prepare(server)
      const reconnects = client(port, ca, identity)
      return [await reconnects(), await reconnects(), await reconnects()]
    }
    t.deepEqual(await start(() => {}), [false, true, true], 'with Node alone')
    t.deepEqual(await start(server => new TicketKeys().attach(server)), [false, false, false])
    t.deepEqual(await start(server => resumeSessions(server)), [false, false, false])
  })
}

test('ring: a server that is attached can be collected', async t => {
  t.is(await collected(t), true)
})

async function collected(t: ExecutionContext): Promise<boolean> {
  const { setFlagsFromString } = await import('node:v8')
  const { runInNewContext } = await import('node:vm')
  setFlagsFromString('--expose-gc')
  const gc: () => void = runInNewContext('gc')
  const keys = new TicketKeys()
  const ref = (() => {
    const server = tls.createServer()
    keys.attach(server)
    return new WeakRef(server)
  })()
  for (let n = 0; n < 20 && ref.deref() !== undefined; n++) {
    await new Promise(setImmediate)
    gc()
  }
  t.truthy(keys.stats())
  return ref.deref() === undefined
}
