import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import http2 from 'node:http2'
import https from 'node:https'
import tls from 'node:tls'
import test from 'ava'
import { connect, resumeSessions, SessionCache } from 'tls-resumption'
import { createAuthority } from '../../fixtures/certificates.ts'
import { finish, SSL_OP_NO_TICKET, startServer, testAuthority } from '../support/server.ts'

const WITH_IDS: tls.TlsOptions = { maxVersion: 'TLSv1.2', secureOptions: SSL_OP_NO_TICKET }

interface ServerInternals {
  _sharedCreds: { context: { setSessionIdContext(context: string): void } }
}

test('without resumeSessions a server resumes no ids', async t => {
  const { port, ca, handshakes } = await startServer(t, WITH_IDS)
  const options = { port, ca, servername: 'localhost', sessionCache: new SessionCache() }
  await finish(connect(options))
  await finish(connect(options))
  t.deepEqual(handshakes, { full: 2, resumed: 0 })
})

test('a session made at one server is resumed at another that trusts the same and shares the cache', async t => {
  const sessionCache = new SessionCache()
  const [one, other] = await Promise.all([startServer(t, WITH_IDS), startServer(t, WITH_IDS)])
  resumeSessions(one.server, { sessionCache })
  resumeSessions(other.server, { sessionCache })
  const socket = tls.connect({ port: one.port, ca: one.ca, servername: 'localhost' })
  const [[session]] = await Promise.all([once(socket, 'session'), finish(socket)])
  const options = { port: other.port, ca: other.ca, servername: 'localhost', session }
  t.true((await finish(tls.connect(options))).resumed)
})

test('servers that trust different clients never resume each other, though they share the cache', async t => {
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

test('what is trusted counts again after setSecureContext', async t => {
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

// Serial, and so before the others, since the arguments are those of the process.
test.serial(
  'two processes with different arguments give their servers the same sessionIdContext',
  async t => {
    // Node's default is a hash of the arguments: tickets of one process would be refused by the other.
    const ticketKeys = Buffer.alloc(48, 7)
    const { argv } = process
    t.teardown(() => {
      process.argv = argv
    })
    const startWith = async (argument: string, isOurs: boolean) => {
      process.argv = [...argv.slice(0, 2), argument]
      const started = await startServer(t, { ticketKeys })
      if (isOurs) resumeSessions(started.server, { sessionCache: new SessionCache({ name: 'argv' }) })
      return started
    }
    for (const isOurs of [false, true]) {
      const [one, other] = [await startWith('--one', isOurs), await startWith('--other', isOurs)]
      const socket = tls.connect({ port: one.port, ca: one.ca, servername: 'localhost' })
      const [[session]] = await Promise.all([once(socket, 'session'), finish(socket)])
      const { resumed } = await finish(
        tls.connect({ port: other.port, ca: other.ca, servername: 'localhost', session }),
      )
      t.is(resumed, isOurs)
    }
  },
)

test('TLS 1.3 sessions are answered and not kept, and tickets work as before', async t => {
  const { server, port, ca, handshakes } = await startServer(t, { minVersion: 'TLSv1.3' })
  const sessionCache = new SessionCache()
  resumeSessions(server, { sessionCache })
  const options = { port, ca, servername: 'localhost', sessionCache: new SessionCache() }
  await finish(connect(options))
  await finish(connect(options))
  t.deepEqual(handshakes, { full: 1, resumed: 1 })
  t.is(sessionCache.stats().sets, 0)
})

test('a session lives as long at the server as its sessionTimeout says', async t => {
  const { server, port, ca } = await startServer(t, { ...WITH_IDS, sessionTimeout: 1 })
  const sessionCache = new SessionCache({ sweepInterval: 0 })
  resumeSessions(server, { sessionCache })
  await finish(tls.connect({ port, ca, servername: 'localhost' }))
  t.is(sessionCache.size, 1)
  while (sessionCache.sweep() === 0) await new Promise(resolve => setTimeout(resolve, 20))
  t.is(sessionCache.stats().expirations, 1)
})

test('a session that the cache lost, or that is damaged there, is a full handshake', async t => {
  const sessionCache = new SessionCache()
  const { server, port, ca, handshakes } = await startServer(t, WITH_IDS)
  const { context } = (server as unknown as ServerInternals)._sharedCreds
  const { setSessionIdContext } = context
  let key = Buffer.alloc(0)
  context.setSessionIdContext = given => {
    key = Buffer.from(given)
    setSessionIdContext.call(context, given)
  }
  resumeSessions(server, { sessionCache })
  server.on('newSession', id => {
    key = Buffer.concat([key.subarray(0, 32), id])
  })
  const options = { port, ca, servername: 'localhost', sessionCache: new SessionCache() }
  await finish(connect(options))
  const session = sessionCache.get(key)
  if (session === undefined) return t.fail('the session is under the context and the id')

  const BAD = [undefined, randomBytes(900), session.subarray(0, 100), Buffer.from([0x30])]
  for (const [index, bad] of BAD.entries()) {
    sessionCache.delete(key)
    if (bad !== undefined) sessionCache.set(key, bad)
    t.deepEqual(await finish(connect(options)), { resumed: false, authorized: true })
    t.deepEqual(handshakes, { full: index + 2, resumed: 0 })
  }
  t.true((await finish(connect(options))).resumed)
})

test('a session too large for the cache is counted and the handshake goes on', async t => {
  const sessionCache = new SessionCache({ maxSize: 10 })
  const { server, port, ca, handshakes } = await startServer(t, WITH_IDS)
  resumeSessions(server, { sessionCache })
  await finish(tls.connect({ port, ca, servername: 'localhost' }))
  t.deepEqual(handshakes, { full: 1, resumed: 0 })
  t.is(sessionCache.stats().rejected, 1)
})

test('a cache disposed of is a miss, and the handshakes go on', async t => {
  const sessionCache = new SessionCache()
  const { server, port, ca, handshakes } = await startServer(t, WITH_IDS)
  resumeSessions(server, { sessionCache })
  sessionCache[Symbol.dispose]()
  const options = { port, ca, servername: 'localhost', sessionCache: new SessionCache() }
  await finish(connect(options))
  await finish(connect(options))
  t.deepEqual(handshakes, { full: 2, resumed: 0 })
})

test('a server that asks for certificates under several names keeps no sessions', async t => {
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

test('a server with names that asks for no certificates keeps sessions', async t => {
  const sessionCache = new SessionCache()
  const { server, port, ca } = await startServer(t, WITH_IDS)
  server.addContext('b.example', {})
  resumeSessions(server, { sessionCache })
  await finish(connect({ port, ca, servername: 'localhost', sessionCache: null }))
  t.is(sessionCache.size, 1)
})

test('disposing leaves the server as it was', async t => {
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

test('a server whose session events are answered already is refused', async t => {
  const { server } = await startServer(t, WITH_IDS)
  resumeSessions(server)
  t.throws(() => resumeSessions(server), { code: 'ERR_TLS_RESUMPTION_SERVER_IN_USE' })
})

test('https and http2 servers are taken, others are not', t => {
  const done = (server: tls.Server) => resumeSessions(server)[Symbol.dispose]()
  t.notThrows(() => done(https.createServer()))
  t.notThrows(() => done(http2.createSecureServer()))
  t.throws(() => resumeSessions({} as never), { code: 'ERR_INVALID_ARG_TYPE', message: /server/ })
  t.throws(() => resumeSessions(tls.createServer(), { sessioncache: null } as never), {
    code: 'ERR_TLS_RESUMPTION_UNKNOWN_OPTION',
    message: /did you mean 'sessionCache'/,
  })
})

test('null leaves the server as it is', t => {
  const server = tls.createServer()
  resumeSessions(server, { sessionCache: null })[Symbol.dispose]()
  t.is(server.listenerCount('newSession'), 0)
})
