import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import net from 'node:net'
import tls from 'node:tls'
import test from 'ava'
import { connect, SessionCache, sessionKey } from 'tls-resumption'
import { outcome, sessionOf } from '../support/outcome.ts'
import { finish, startServer } from '../support/server.ts'
import { readVerified, writeVerified } from '../support/verified.ts'

for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
  const BAD: Record<string, (session: Buffer) => Buffer> = {
    'random bytes': () => randomBytes(1200),
    'one byte': () => Buffer.from([0]),
    'a truncated session': session => session.subarray(0, session.length - 40),
    'a session cut to its first bytes': session => session.subarray(0, 30),
    'a session with its ticket overwritten': session => {
      const damaged = Buffer.from(session)
      return damaged.fill(0x55, damaged.length - 120, damaged.length - 40)
    },
    'a session without its envelope, or in one it never had': session => {
      const prefix = Buffer.from('\0nodejs:tls:session:1\0')
      return session.subarray(0, prefix.length).equals(prefix)
        ? session.subarray(prefix.length + 2 + 'localhost'.length)
        : Buffer.concat([prefix, Buffer.from([0, 9]), Buffer.from('localhost'), session])
    },
  }
  for (const [what, damage] of Object.entries(BAD)) {
    test(`fallback: ${maxVersion} connections work with ${what} in the cache`, async t => {
      const { port, ca } = await startServer(t, { maxVersion })
      const options = { port, ca, servername: 'localhost' }
      const sessionCache = new SessionCache()
      await finish(connect({ ...options, sessionCache }))
      const key = sessionKey(options) ?? ''
      const { session, record } = readVerified(sessionCache, key)
      writeVerified(sessionCache, key, { session: damage(session), record })
      t.deepEqual(await finish(connect({ ...options, sessionCache })), { resumed: false, authorized: true })
      t.true((await finish(connect({ ...options, sessionCache }))).authorized)
    })
  }

  test(`fallback: ${maxVersion} does a full handshake after a session of another server`, async t => {
    const [one, other] = await Promise.all([startServer(t, { maxVersion }), startServer(t, { maxVersion })])
    const options = { port: one.port, ca: one.ca, servername: 'localhost' }
    const sessionCache = new SessionCache()
    const [key, ofOther] = [options, { ...options, port: other.port }].map(each => sessionKey(each) ?? '')
    await finish(connect({ ...options, port: other.port, sessionCache }))
    writeVerified(sessionCache, key as string, readVerified(sessionCache, ofOther as string))
    t.deepEqual(await finish(connect({ ...options, sessionCache })), { resumed: false, authorized: true })
    t.deepEqual(await finish(connect({ ...options, sessionCache })), { resumed: true, authorized: true })
  })

  test(`fallback: ${maxVersion} offers no session that the application stored without a verification`, async t => {
    const { port, ca, handshakes } = await startServer(t, { maxVersion })
    const options = { port, ca, servername: 'localhost' }
    const session = await sessionOf(options)
    t.true((await finish(tls.connect({ ...options, session }))).resumed, 'plain Node')
    const sessionCache = new SessionCache().set(sessionKey(options) ?? '', session)
    t.false((await finish(connect({ ...options, sessionCache }))).resumed)
    t.deepEqual(handshakes, { full: 2, resumed: 1 })
  })

  test(`fallback: ${maxVersion} does a full handshake after a session that expired at the server`, async t => {
    const { server, port, ca } = await startServer(t, { maxVersion })
    const options = { port, ca, servername: 'localhost' }
    const sessionCache = new SessionCache()
    await finish(connect({ ...options, sessionCache }))
    server.setTicketKeys(randomBytes(48))
    t.deepEqual(await finish(connect({ ...options, sessionCache })), { resumed: false, authorized: true })
    t.deepEqual(await finish(connect({ ...options, sessionCache })), { resumed: true, authorized: true })
  })
}

/** A server that resets on every ClientHello with a session while it is choking. */
async function startChoking(t: Parameters<typeof startServer>[0]) {
  const { server, port: _, ca, handshakes } = await startServer(t)
  let choking = false
  let chokingAll = false
  let plainHello = 0
  const front = net.createServer(socket => {
    socket.on('error', () => {})
    socket.once('data', hello => {
      // The first ClientHello offers nothing. One with a session is longer by the ticket.
      plainHello ||= hello.length
      if (chokingAll || (choking && hello.length > plainHello + 50)) {
        socket.destroy()
        return
      }
      socket.pause()
      socket.unshift(hello)
      server.emit('connection', socket)
    })
  })
  front.listen(0, '127.0.0.1')
  await once(front, 'listening')
  t.teardown(() => front.close())
  const { port } = front.address() as AddressInfo
  return {
    options: {
      port,
      ca,
      servername: 'localhost',
      maxVersion: 'TLSv1.3' as const,
      minVersion: 'TLSv1.3' as const,
    },
    handshakes,
    choke(on: boolean) {
      choking = on
    },
    chokeAll(on: boolean) {
      chokingAll = on
    },
  }
}

test('fallback: a peer that resets after an offer fails one connection and keeps its sessions', async t => {
  const { options, choke, handshakes } = await startChoking(t)
  const sessionCache = new SessionCache()
  await finish(connect({ ...options, sessionCache }))
  const { size } = sessionCache
  t.true(size > 0)
  choke(true)
  await t.throwsAsync(finish(connect({ ...options, sessionCache })), { code: 'ECONNRESET' })
  t.is(sessionCache.size, size)
  for (let round = 0; round < 10; round++) {
    t.deepEqual(await finish(connect({ ...options, sessionCache })), { resumed: false, authorized: true })
  }
  t.deepEqual(handshakes, { full: 11, resumed: 0 })
})

test('fallback: a peer that also resets without an offer gets offers again at once', async t => {
  const { options, choke, chokeAll } = await startChoking(t)
  const sessionCache = new SessionCache()
  const visit = () => outcome(connect({ ...options, sessionCache }))
  await visit()
  choke(true)
  t.is((await visit()).refused, 'ECONNRESET')
  chokeAll(true)
  t.is((await visit()).refused, 'ECONNRESET')
  choke(false)
  chokeAll(false)
  t.like(await visit(), { resumed: true })
})

test('fallback: a connection that the application destroys with an error costs no session', async t => {
  const { server, port, ca } = await startServer(t)
  server.removeAllListeners('secureConnection').on('secureConnection', socket => {
    socket.on('error', () => {})
    if (!socket.isSessionReused()) socket.end('!')
  })
  const options = { port, ca, servername: 'localhost', sessionCache: new SessionCache() }
  await finish(connect(options))
  const socket = connect(options)
  await once(socket, 'secureConnect')
  t.true(socket.isSessionReused())
  socket.destroy(new Error('not needed any more'))
  await t.throwsAsync(once(socket, 'close'))
  const next = connect(options)
  await once(next, 'secureConnect')
  t.true(next.isSessionReused())
  next.destroy()
})

test("fallback: a connection that fails after the peer's answer costs no session", async t => {
  const { port, ca } = await startServer(t)
  const options = { port, ca, servername: 'localhost', sessionCache: new SessionCache() }
  await finish(connect(options))
  for (let round = 0; round < 3; round++) {
    const socket = connect(options)
    await once(socket, 'data')
    t.true(socket.isSessionReused())
    socket.destroy(new Error('an idle client is closed'))
    await t.throwsAsync(once(socket, 'close'))
  }
})
