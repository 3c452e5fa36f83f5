/** What Node is given of a TLS 1.2 session in place of the peer's certificate, and that nobody is told of it. */
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import tls from 'node:tls'
import test, { type ExecutionContext } from 'ava'
import { type ConnectOptions, clientStats, connect, SessionCache, sessionKey } from 'tls-resumption'
import { factsOf } from '../dist/session-facts.js'
import { finish, startServer } from './helpers/server.ts'

interface Handle {
  _handle: { getSession(): Buffer }
}

/** The certificate in a session. */
function leafOf(session: Buffer): X509Certificate {
  const { leafStart, leafEnd } = factsOf(session) ?? { leafStart: 0, leafEnd: 0 }
  return new X509Certificate(session.subarray(leafStart, leafEnd))
}

/** A server, and the options of a client that has a session of it. */
async function metOnce(t: ExecutionContext, version: tls.SecureVersion) {
  const { server, port, ca, handshakes } = await startServer(t, { minVersion: version, maxVersion: version })
  const sessionCache = new SessionCache()
  const options = {
    host: '127.0.0.1',
    port,
    ca,
    servername: 'localhost',
    sessionCache,
  } satisfies ConnectOptions
  const first = connect(options)
  const [[session]] = await Promise.all([once(first, 'session'), finish(first)])
  return { server, options, handshakes, first: session as Buffer }
}

/** What a connection has of its session when it is secure: as it is told, and as OpenSSL has it. */
async function sessionsOf(socket: tls.TLSSocket) {
  const secure = once(socket, 'secureConnect').then(() => ({
    told: socket.getSession() as Buffer,
    within: (socket as unknown as Handle)._handle.getSession(),
  }))
  const [sessions, { resumed, authorized }] = await Promise.all([secure, finish(socket)])
  return { ...sessions, resumed, authorized }
}

test('TLSv1.2: it is told with the certificate of the peer, which OpenSSL was not given', async t => {
  const { options, first } = await metOnce(t, 'TLSv1.2')
  const { told, within, resumed, authorized } = await sessionsOf(connect(options))
  t.deepEqual([resumed, authorized], [true, true])
  t.true(told.equals(first))
  t.is(leafOf(told).subject, 'CN=localhost')
  t.true(within.length < told.length)
  t.is(leafOf(within).subject, undefined as never)
})

test('TLSv1.3: OpenSSL is given it as it came, since tickets that repeat it go to the application', async t => {
  const { options } = await metOnce(t, 'TLSv1.3')
  const { told, within, resumed } = await sessionsOf(connect(options))
  t.true(resumed)
  for (const session of [told, within]) t.is(leafOf(session).subject, 'CN=localhost')
})

test('TLSv1.2: what it tells resumes with plain Node, and is as good there as the first', async t => {
  const { options, handshakes } = await metOnce(t, 'TLSv1.2')
  const { told } = await sessionsOf(connect(options))
  const { sessionCache: _, ...plain } = options
  const { resumed, authorized } = await finish(tls.connect({ ...plain, session: told }))
  t.deepEqual([resumed, authorized], [true, true])
  t.deepEqual(handshakes, { full: 1, resumed: 2 })
})

test('TLSv1.2: where the peer refuses it, the session of the full handshake is told', async t => {
  const { server, options, first } = await metOnce(t, 'TLSv1.2')
  server.setTicketKeys(Buffer.alloc(48, 1))
  const { told, within, resumed } = await sessionsOf(connect(options))
  t.false(resumed)
  for (const session of [told, within]) t.is(leafOf(session).subject, 'CN=localhost')
  t.false(told.equals(first))
})

test('TLSv1.2: before the handshake and after its end it is told as with plain Node', async t => {
  const { options } = await metOnce(t, 'TLSv1.2')
  const { sessionCache: _, ...plain } = options
  for (const open of [() => connect(options), () => tls.connect(plain)]) {
    const socket = open()
    t.is(socket.getSession(), undefined)
    await finish(socket)
    t.is(socket.getSession(), null as never)
  }
})

test('TLSv1.2: an unverified peer stays one', async t => {
  const { options } = await metOnce(t, 'TLSv1.2')
  const { ca: _, ...unknown } = { ...options, rejectUnauthorized: false }
  await finish(connect(unknown))
  const { told, resumed, authorized } = await sessionsOf(connect(unknown))
  t.deepEqual([resumed, authorized], [true, false])
  t.is(leafOf(told).subject, 'CN=localhost')
})

// However an application comes by it: Node 24.21 crashes if it is asked to show that certificate. The reasons are those
// of all tests.
for (const rejectUnauthorized of [true, false]) {
  test.serial(
    `what OpenSSL was given is not offered if it is in a cache, rejectUnauthorized: ${rejectUnauthorized}`,
    async t => {
      const { options: verified } = await metOnce(t, 'TLSv1.2')
      const { ca, ...rest } = { ...verified, rejectUnauthorized }
      const options = rejectUnauthorized ? { ...rest, ca } : rest
      await finish(connect(options))
      const { within, resumed } = await sessionsOf(connect(options))
      t.true(resumed)
      options.sessionCache.set(sessionKey(options) as string, within)
      const before = clientStats()['failed-recheck']
      t.false((await finish(connect(options))).resumed)
      t.is(clientStats()['failed-recheck'], before + 1)
    },
  )
}

test('what OpenSSL was given is not kept', async t => {
  const { options } = await metOnce(t, 'TLSv1.2')
  const { within } = await sessionsOf(connect(options))
  const socket = connect(options)
  await once(socket, 'secureConnect')
  const { sets } = options.sessionCache.stats()
  socket.emit('session', within)
  t.is(options.sessionCache.stats().sets, sets)
  await finish(socket)
})

test('the certificate of nobody is valid at no time, and has no name', async t => {
  const { options } = await metOnce(t, 'TLSv1.2')
  const nobody = leafOf((await sessionsOf(connect(options))).within)
  t.true(Date.parse(nobody.validFrom) > Date.parse(nobody.validTo))
  t.is(nobody.subjectAltName, undefined)
  t.is(nobody.checkHost('localhost'), undefined)
})
