/** Sessions and sockets that the application has changed. */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import net from 'node:net'
import tls from 'node:tls'
import test from 'ava'
import { connect, SessionCache } from 'tls-resumption'
import { createAuthority } from '../../fixtures/certificates.ts'
import { outcome, sessionOf } from '../support/outcome.ts'
import { finish, startServer } from '../support/server.ts'

type Settable = tls.TLSSocket & { setSession(session: Buffer): void }

interface ServerInternals {
  _sharedCreds: { context: { onticketkeycallback?: unknown; enableTicketKeyCallback(): void } }
}

/** Makes the server send a new ticket after each resumption, as servers other than Node's do. */
function renewTickets(server: tls.Server): void {
  const [name, hmac, aes] = [randomBytes(16), randomBytes(16), randomBytes(16)]
  const { context } = (server as unknown as ServerInternals)._sharedCreds
  context.onticketkeycallback = (_: Buffer, iv: Buffer, isNew: boolean) =>
    isNew ? [1, hmac, aes, name, iv] : [2, hmac, aes]
  context.enableTicketKeyCallback()
}

const TLS_1_3 = { minVersion: 'TLSv1.3' } as const

// A TLS 1.2 client of Node gets no event for a renewed ticket.
test('caller session: nothing is stored of a socket that got a session by setSession', async t => {
  const { server, port, ca } = await startServer(t, TLS_1_3)
  renewTickets(server)
  const { cert: otherCa } = await createAuthority({ algorithm: 'ecdsa', name: 'Other authority' })
  const session = await sessionOf({ port, ca, servername: 'localhost' })
  const strict = { port, ca: otherCa, servername: 'localhost', sessionCache: new SessionCache() }

  const socket = connect(strict) as Settable
  let emitted = 0
  socket.on('session', () => emitted++)
  socket.setSession(session)
  t.like(await outcome(socket), { resumed: true, authorized: true }, 'as with tls.connect')
  t.true(emitted > 0)
  t.is(strict.sessionCache.stats().sets, 0)
  t.is((await outcome(connect(strict))).refused, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE')
})

test('caller session: nothing is stored of such a socket over another socket', async t => {
  const { server, port, ca } = await startServer(t, TLS_1_3)
  renewTickets(server)
  const { cert: otherCa } = await createAuthority({ algorithm: 'ecdsa', name: 'Other authority' })
  const session = await sessionOf({ port, ca, servername: 'localhost' })
  const sessionCache = new SessionCache()
  const over = (socket: net.Socket) => connect({ socket, ca: otherCa, servername: 'localhost', sessionCache })

  // The socket is still connecting, so there is time to set a session.
  const socket = over(net.connect(port, '127.0.0.1')) as Settable
  let emitted = 0
  socket.on('session', () => emitted++)
  socket.setSession(session)
  t.like(await outcome(socket), { resumed: true, authorized: true }, 'as with tls.connect')
  t.true(emitted > 0)
  t.is(sessionCache.stats().sets, 0)
})

test('caller session: no ticket of the cache is used for such a socket', async t => {
  const { server, port, ca } = await startServer(t, TLS_1_3)
  renewTickets(server)
  const session = await sessionOf({ port, ca, servername: 'localhost' })
  const sessionCache = new SessionCache()
  const over = () =>
    connect({ socket: net.connect(port, '127.0.0.1'), ca, servername: 'localhost', sessionCache })
  await finish(over())
  const { sets, hits } = sessionCache.stats()
  const socket = over() as Settable
  let emitted = 0
  socket.on('session', () => emitted++)
  socket.setSession(session)
  t.true((await finish(socket)).resumed)
  t.true(emitted > 0)
  t.like(sessionCache.stats(), { sets, hits })
})

test('caller session: renewals of a session of this package are stored', async t => {
  const { server, port, ca } = await startServer(t, TLS_1_3)
  renewTickets(server)
  const sessionCache = new SessionCache({ singleUse: true })
  const options = { port, ca, servername: 'localhost', sessionCache }
  await finish(connect(options))
  const { sets } = sessionCache.stats()
  t.true((await finish(connect(options))).resumed)
  t.true(sessionCache.stats().sets > sets)
})

for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`caller session: ${maxVersion} offers the session of setSession and uses no ticket of the cache`, async t => {
    const { port, ca } = await startServer(t, { maxVersion })
    const sessionCache = new SessionCache({ singleUse: true })
    const options = { port, ca, servername: 'localhost', sessionCache }
    await finish(connect(options))
    const session = await sessionOf({ port, ca, servername: 'localhost' })
    const { size, hits } = sessionCache.stats()
    const socket = connect(options) as Settable
    socket.setSession(session)
    t.true((await finish(socket)).resumed)
    t.like(sessionCache.stats(), { size, hits })
  })

  test(`caller session: ${maxVersion} stores nothing if the server rejects the caller's session`, async t => {
    const [{ port, ca }, other] = [await startServer(t, { maxVersion }), await startServer(t, { maxVersion })]
    const session = await sessionOf({ port: other.port, ca, servername: 'localhost' })
    const sessionCache = new SessionCache()
    const socket = connect({ port, ca, servername: 'localhost', sessionCache }) as Settable
    socket.setSession(session)
    t.deepEqual(await finish(socket), { resumed: false, authorized: true })
    t.is(sessionCache.stats().sets, 0)
  })

  test(`caller session: ${maxVersion} stores nothing if the secureConnect listener destroys the socket`, async t => {
    const { port, ca } = await startServer(t, { maxVersion })
    const options = { port, ca, servername: 'localhost', sessionCache: new SessionCache() }
    const socket = connect(options, () => socket.destroy(new Error('not the pinned certificate')))
    t.is((await outcome(socket)).refused, 'not the pinned certificate')
    t.is(options.sessionCache.stats().sets, 0)
    const quiet = connect(options, () => quiet.destroy())
    await finish(quiet)
    t.is(options.sessionCache.stats().sets, 0)
  })

  test(`caller session: ${maxVersion} a destroyed connection costs no session of an accepted chain`, async t => {
    const { port, ca } = await startServer(t, { maxVersion })
    const options = { port, ca, servername: 'localhost', sessionCache: new SessionCache() }
    await finish(connect(options))
    const resumed: boolean[] = []
    for (let round = 0; round < 2; round++) {
      const socket = connect(options, () => {
        resumed.push(socket.isSessionReused())
        if (socket.isSessionReused()) socket.destroy(new Error('stale'))
      })
      await outcome(socket)
    }
    t.deepEqual(resumed, [true, true])
  })

  test(`caller session: ${maxVersion} a socket destroyed in a connect listener emits what plain Node emits`, async t => {
    const { port, ca } = await startServer(t, { maxVersion })
    const options = { port, ca, servername: 'localhost' }
    const destroyed = async (socket: tls.TLSSocket) => {
      const events: string[] = []
      for (const name of ['secureConnect', 'session', 'error', 'close'])
        socket.on(name, () => events.push(name))
      socket.prependOnceListener('connect', () => socket.destroy())
      await once(socket, 'close')
      return events
    }
    const sessionCache = new SessionCache({ singleUse: true })
    await finish(connect({ ...options, sessionCache }))
    t.deepEqual(await destroyed(connect({ ...options, sessionCache })), await destroyed(tls.connect(options)))
    t.true((await finish(connect({ ...options, sessionCache }))).resumed)
  })
}

test('caller session: a socket over another socket keeps a copy of the session, which is wiped', async t => {
  const { port, ca } = await startServer(t)
  const sessionCache = new SessionCache()
  const upgrade = async () => {
    const socket = net.connect(port, '127.0.0.1')
    await once(socket, 'connect')
    return connect({ socket, ca, servername: 'localhost', sessionCache })
  }
  await finish(await upgrade())
  const socket = await upgrade()
  const { session } = (socket as unknown as { _tlsOptions: { session: Buffer } })._tlsOptions
  t.true(session.length > 100)
  t.true(session.equals(Buffer.alloc(session.length)))
  t.true((await finish(socket)).resumed)

  // Sessions borrowed later must not appear in it.
  const { borrowSession } = await import('../../dist/cache/internal.js')
  sessionCache.set('another', randomBytes(2000))
  borrowSession(sessionCache, 'get', 'another', lent => {
    t.not(lent.buffer, session.buffer)
    t.true(session.equals(Buffer.alloc(session.length)))
  })
})
