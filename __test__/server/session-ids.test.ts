import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import http2 from 'node:http2'
import https from 'node:https'
import tls from 'node:tls'
import test from 'ava'
import { connect, resumeSessions, SessionCache } from 'tls-resumption'
import { handleOf } from '../../dist/cache/session-cache.js'
import { native } from '../../dist/native/addon.js'
import { createAuthority } from '../../fixtures/certificates.ts'
import { finish, SSL_OP_NO_TICKET, startServer, testAuthority } from '../support/server.ts'

const WITH_IDS: tls.TlsOptions = { maxVersion: 'TLSv1.2', secureOptions: SSL_OP_NO_TICKET }

test('Node alone: a server resumes no session IDs', async t => {
  const { port, ca, handshakes } = await startServer(t, WITH_IDS)
  const options = { port, ca, servername: 'localhost', sessionCache: new SessionCache() }
  await finish(connect(options))
  await finish(connect(options))
  t.deepEqual(handshakes, { full: 2, resumed: 0 })
})

test("ids: servers of equal identity that share a cache resume each other's sessions", async t => {
  const sessionCache = new SessionCache()
  const [one, other] = await Promise.all([startServer(t, WITH_IDS), startServer(t, WITH_IDS)])
  resumeSessions(one.server, { sessionCache })
  resumeSessions(other.server, { sessionCache })
  const socket = tls.connect({ port: one.port, ca: one.ca, servername: 'localhost' })
  const [[session]] = await Promise.all([once(socket, 'session'), finish(socket)])
  const options = { port: other.port, ca: other.ca, servername: 'localhost', session }
  t.true((await finish(tls.connect(options))).resumed)
})

test('ids: servers that trust different clients share no sessions through one cache', async t => {
  const sessionCache = new SessionCache()
  const [clients, others] = await Promise.all([testAuthority(), createAuthority({ algorithm: 'ecdsa' })])
  const client = await clients.issue({ commonName: 'client', usage: 'client' })
  const strict = { ...WITH_IDS, requestCert: true }
  const one = await startServer(t, { ...strict, ca: clients.cert })
  resumeSessions(one.server, { sessionCache })
  const connectOptions = { ca: one.ca, servername: 'localhost', ...client }
  const socket = tls.connect({ port: one.port, ...connectOptions })
  const [[session]] = await Promise.all([once(socket, 'session'), finish(socket)])

  const OTHERS: Record<string, tls.TlsOptions> = {
    'another CA': { ...strict, ca: others.cert },
    'one CA more': { ...strict, ca: [clients.cert, others.cert] },
    'no certificate asked for': WITH_IDS,
    'certificates asked for, not demanded': { ...strict, ca: clients.cert, rejectUnauthorized: false },
    'a context of its own': { ...strict, ca: clients.cert, sessionIdContext: 'tenant' },
  }
  for (const [difference, options] of Object.entries(OTHERS)) {
    const other = await startServer(t, options)
    resumeSessions(other.server, { sessionCache })
    await finish(tls.connect({ port: other.port, ...connectOptions, session })).catch(() => {})
    t.is(other.handshakes.resumed, 0, difference)
  }
  const same = await startServer(t, { ...strict, ca: clients.cert })
  resumeSessions(same.server, { sessionCache })
  await finish(tls.connect({ port: same.port, ...connectOptions, session }))
  t.is(same.handshakes.resumed, 1)
})

test('ids: setSecureContext changes which sessions are resumed', async t => {
  const { cert, issue } = await testAuthority()
  const others = await createAuthority({ algorithm: 'ecdsa' })
  const client = await issue({ commonName: 'client', usage: 'client' })
  const identity = await issue({ commonName: 'localhost', dnsNames: ['localhost'], usage: 'server' })
  const { server, port, ca, handshakes } = await startServer(t, { ...WITH_IDS, requestCert: true, ca: cert })
  resumeSessions(server, { sessionCache: new SessionCache() })
  const options = { port, ca, servername: 'localhost', ...client }
  const socket = tls.connect(options)
  const [[session]] = await Promise.all([once(socket, 'session'), finish(socket)])
  const secureContext = { ...identity, ...(WITH_IDS as tls.SecureContextOptions) }

  server.setSecureContext({ ...secureContext, ca: others.cert })
  await finish(tls.connect({ ...options, session })).catch(() => {})
  t.is(handshakes.resumed, 0)

  server.setSecureContext({ ...secureContext, ca: cert })
  t.true((await finish(tls.connect({ ...options, session }))).resumed, 'as it was, it resumes again')
})

// Serial, and so before the others: the arguments are those of the process.
for (const kind of ['session IDs', 'tickets']) {
  test.serial(`identity: ${kind} of servers in processes with different arguments`, async t => {
    // Node's default sessionIdContext is a hash of the arguments.
    const ticketKeys = randomBytes(48)
    const { argv } = process
    t.teardown(() => {
      process.argv = argv
    })
    const sessionCache = new SessionCache()
    const sessions = new Map<string, Buffer>()
    const startWith = async (argument: string, isOurs: boolean) => {
      process.argv = [...argv.slice(0, 2), argument]
      const started = await startServer(t, kind === 'tickets' ? { ticketKeys } : WITH_IDS)
      if (isOurs) resumeSessions(started.server, { sessionCache })
      else if (kind === 'session IDs') keepByHand(started.server, sessions)
      return started
    }
    for (const isOurs of [false, true]) {
      const [one, other] = [await startWith('--one', isOurs), await startWith('--other', isOurs)]
      const socket = tls.connect({ port: one.port, ca: one.ca, servername: 'localhost' })
      const [[session]] = await Promise.all([once(socket, 'session'), finish(socket)])
      const options = { ca: other.ca, servername: 'localhost', session }
      // Tickets stay as they are with Node alone.
      t.is(
        (await finish(tls.connect({ ...options, port: other.port }))).resumed,
        isOurs && kind !== 'tickets',
      )
      t.true((await finish(tls.connect({ ...options, port: one.port }))).resumed)
    }
  })
}

function keepByHand(server: tls.Server, sessions: Map<string, Buffer>): void {
  server.on('newSession', (id, session, done) => {
    sessions.set(id.toString('hex'), session)
    done()
  })
  server.on('resumeSession', (id, done) => done(null, sessions.get(id.toString('hex')) as Buffer))
}

test('tickets: resumeSessions leaves them to Node where no client certificate is asked for', async t => {
  const { issue } = await testAuthority()
  const identity = await issue({ commonName: 'localhost', usage: 'server' })
  const ticketKeys = randomBytes(48)
  for (const sessionIdContext of [undefined, 'fleet']) {
    const options = { ...identity, ticketKeys, sessionIdContext }
    const [ours, plain] = [await startServer(t, options), await startServer(t, options)]
    resumeSessions(ours.server, { sessionCache: new SessionCache() })
    for (const [from, to] of [
      [ours, plain],
      [plain, ours],
    ] as const) {
      let session: Buffer | undefined
      const socket = tls.connect({ port: from.port, ca: from.ca, servername: 'localhost' })
      socket.on('session', made => {
        session = made
      })
      await finish(socket)
      t.true(
        (await finish(tls.connect({ port: to.port, ca: to.ca, servername: 'localhost', session }))).resumed,
      )
    }
  }
})

test('ids: TLS 1.3 sessions are answered and not stored, and their tickets work', async t => {
  const { server, port, ca, handshakes } = await startServer(t, { minVersion: 'TLSv1.3' })
  const sessionCache = new SessionCache()
  resumeSessions(server, { sessionCache })
  const options = { port, ca, servername: 'localhost', sessionCache: new SessionCache() }
  await finish(connect(options))
  await finish(connect(options))
  t.deepEqual(handshakes, { full: 1, resumed: 1 })
  t.is(sessionCache.stats().sets, 0)
})

test('ids: a session is kept for as long as the sessionTimeout of the server', async t => {
  const { server, port, ca } = await startServer(t, { ...WITH_IDS, sessionTimeout: 1 })
  const sessionCache = new SessionCache({ sweepInterval: 0 })
  resumeSessions(server, { sessionCache })
  await finish(tls.connect({ port, ca, servername: 'localhost' }))
  t.is(sessionCache.size, 1)
  while (sessionCache.sweep() === 0) await new Promise(resolve => setTimeout(resolve, 20))
  t.is(sessionCache.stats().expirations, 1)
})

test('ids: a session that is missing or damaged in the cache leads to a full handshake', async t => {
  const sessionCache = new SessionCache()
  const { server, port, ca, handshakes } = await startServer(t, WITH_IDS)
  let key = Buffer.alloc(0)
  // The package does not say what a session is stored under; the addon's call does.
  const { set } = native
  t.teardown(() => Object.assign(native, { set }))
  native.set = (handle, stored, ...rest) => {
    if (handle === handleOf(sessionCache)) key = Buffer.from(stored as Uint8Array)
    return set(handle, stored, ...rest)
  }
  resumeSessions(server, { sessionCache })
  const options = { port, ca, servername: 'localhost', sessionCache: null }
  const socket = connect(options)
  const [[mine]] = await Promise.all([once(socket, 'session'), finish(socket)])
  const session = sessionCache.get(key)
  if (session === undefined) return t.fail('the cache does not have the session')
  const firstKey = key

  const BAD = [undefined, randomBytes(900), session.subarray(0, 100), Buffer.from([0x30])]
  for (const bad of BAD) {
    sessionCache.delete(firstKey)
    if (bad !== undefined) sessionCache.set(firstKey, bad)
    t.deepEqual(await finish(connect({ ...options, session: mine })), { resumed: false, authorized: true })
  }
  t.deepEqual(handshakes, { full: BAD.length + 1, resumed: 0 })
  sessionCache.set(firstKey, session)
  t.true((await finish(connect({ ...options, session: mine }))).resumed)
})

test('ids: a session that is too large for the cache is counted, and the handshake continues', async t => {
  const sessionCache = new SessionCache({ maxSize: 10 })
  const { server, port, ca, handshakes } = await startServer(t, WITH_IDS)
  resumeSessions(server, { sessionCache })
  await finish(tls.connect({ port, ca, servername: 'localhost' }))
  t.deepEqual(handshakes, { full: 1, resumed: 0 })
  t.is(sessionCache.stats().rejected, 1)
})

test('ids: a cache that is disposed of leads to full handshakes', async t => {
  const sessionCache = new SessionCache()
  const { server, port, ca, handshakes } = await startServer(t, WITH_IDS)
  resumeSessions(server, { sessionCache })
  sessionCache[Symbol.dispose]()
  const options = { port, ca, servername: 'localhost', sessionCache: new SessionCache() }
  await finish(connect(options))
  await finish(connect(options))
  t.deepEqual(handshakes, { full: 2, resumed: 0 })
})

test('ids: a server with requestCert and contexts by name stores no sessions', async t => {
  const { cert, issue } = await testAuthority()
  const client = await issue({ commonName: 'client', usage: 'client' })
  const byName: Record<string, tls.TlsOptions> = {
    'contexts added': {},
    'an SNICallback': { SNICallback: (_, done) => done(null) },
  }
  for (const [how, options] of Object.entries(byName)) {
    const { server, port, ca, handshakes } = await startServer(t, {
      ...WITH_IDS,
      ...options,
      requestCert: true,
      ca: cert,
    })
    if (options.SNICallback === undefined) server.addContext('b.example', { ca: cert })
    const sessionCache = new SessionCache()
    resumeSessions(server, { sessionCache })
    const clientOptions = { port, ca, servername: 'localhost', ...client, sessionCache: new SessionCache() }
    await finish(connect(clientOptions))
    await finish(connect(clientOptions))
    t.deepEqual(handshakes, { full: 2, resumed: 0 }, how)
    t.is(sessionCache.stats().sets, 0, how)
  }
})

test('ids: a server with contexts by name and without requestCert stores sessions', async t => {
  const sessionCache = new SessionCache()
  const { server, port, ca } = await startServer(t, WITH_IDS)
  server.addContext('b.example', {})
  resumeSessions(server, { sessionCache })
  await finish(connect({ port, ca, servername: 'localhost', sessionCache: null }))
  t.is(sessionCache.size, 1)
})

test('ids: disposing leaves the server as it was', async t => {
  const { server, port, ca, handshakes } = await startServer(t, WITH_IDS)
  const { setSecureContext } = server
  const sessionCache = new SessionCache()
  const resumption = resumeSessions(server, { sessionCache })
  resumption[Symbol.dispose]()
  resumption[Symbol.dispose]()
  await finish(tls.connect({ port, ca, servername: 'localhost' }))
  t.is(sessionCache.size, 0)
  t.is(server.setSecureContext, setSecureContext)
  t.is(server.listenerCount('newSession') + server.listenerCount('resumeSession'), 0)
  t.deepEqual(handshakes, { full: 1, resumed: 0 })
})

test('ids: a server whose session events have a listener is rejected', async t => {
  const { server } = await startServer(t, WITH_IDS)
  resumeSessions(server)
  t.throws(() => resumeSessions(server), { code: 'ERR_TLS_RESUMPTION_SERVER_IN_USE' })
})

test('ids: https and http2 servers are accepted, other objects are not', t => {
  const done = (server: tls.Server) => resumeSessions(server)[Symbol.dispose]()
  t.notThrows(() => done(https.createServer()))
  t.notThrows(() => done(http2.createSecureServer()))
  t.throws(() => resumeSessions({} as never), { code: 'ERR_INVALID_ARG_TYPE', message: /server/ })
  t.throws(() => resumeSessions(tls.createServer(), { sessioncache: null } as never), {
    code: 'ERR_TLS_RESUMPTION_UNKNOWN_OPTION',
    message: /did you mean 'sessionCache'/,
  })
})

test('ids: sessionCache null leaves the server as it is', t => {
  const server = tls.createServer()
  resumeSessions(server, { sessionCache: null })[Symbol.dispose]()
  t.is(server.listenerCount('newSession'), 0)
})
