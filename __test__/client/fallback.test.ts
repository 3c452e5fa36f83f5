import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import net from 'node:net'
import tls from 'node:tls'
import test from 'ava'
import { connect, SessionCache, sessionKey } from 'tls-resumption'
import { finish, startServer } from '../support/server.ts'

/** A session as the server made it for the options. */
async function sessionOf(options: tls.ConnectionOptions): Promise<Buffer> {
  const socket = tls.connect(options)
  const [[blob]] = await Promise.all([once(socket, 'session'), finish(socket)])
  return blob as Buffer
}

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
    test(`${maxVersion}: ${what} in the cache ends in a working connection`, async t => {
      const { port, ca } = await startServer(t, { maxVersion })
      const options = { port, ca, servername: 'localhost' }
      const sessionCache = new SessionCache()
      sessionCache.set(sessionKey(options) ?? '', damage(await sessionOf(options)))
      const { authorized } = await finish(connect({ ...options, sessionCache }))
      t.true(authorized)
      t.true((await finish(connect({ ...options, sessionCache }))).authorized)
    })
  }

  test(`${maxVersion}: a session of another server falls back to a full handshake`, async t => {
    const [one, other] = await Promise.all([startServer(t, { maxVersion }), startServer(t, { maxVersion })])
    const options = { port: one.port, ca: one.ca, servername: 'localhost' }
    const sessionCache = new SessionCache()
    sessionCache.set(sessionKey(options) ?? '', await sessionOf({ ...options, port: other.port }))
    t.deepEqual(await finish(connect({ ...options, sessionCache })), { resumed: false, authorized: true })
    t.deepEqual(await finish(connect({ ...options, sessionCache })), { resumed: true, authorized: true })
  })

  test(`${maxVersion}: a session that has expired at the server falls back to a full handshake`, async t => {
    const { server, port, ca } = await startServer(t, { maxVersion })
    const options = { port, ca, servername: 'localhost' }
    const sessionCache = new SessionCache()
    await finish(connect({ ...options, sessionCache }))
    server.setTicketKeys(randomBytes(48))
    t.deepEqual(await finish(connect({ ...options, sessionCache })), { resumed: false, authorized: true })
    t.deepEqual(await finish(connect({ ...options, sessionCache })), { resumed: true, authorized: true })
  })
}

/** A server that, while choking, hangs up on every client hello that offers a session. */
async function startChoking(t: Parameters<typeof startServer>[0]) {
  const { server, port: _, ca, handshakes } = await startServer(t)
  let choking = false
  let plainHello = 0
  const front = net.createServer(socket => {
    socket.on('error', () => {})
    socket.once('data', hello => {
      // The first hello offers nothing; one that offers a session is longer by the ticket.
      plainHello ||= hello.length
      if (choking && hello.length > plainHello + 50) {
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
  }
}

test('a peer that hangs up on being offered a session is not offered it again', async t => {
  const { options, choke } = await startChoking(t)
  const sessionCache = new SessionCache()
  await finish(connect({ ...options, sessionCache }))
  t.true(sessionCache.size > 0)
  choke(true)
  await t.throwsAsync(
    finish(connect({ ...options, sessionCache })),
    undefined,
    'nothing is retried by itself',
  )
  t.is(sessionCache.size, 0, 'its sessions are dropped')
  t.deepEqual(await finish(connect({ ...options, sessionCache })), { resumed: false, authorized: true })
})

test('after three failures in a row a peer is left alone, though it has sessions', async t => {
  const { options, choke, handshakes } = await startChoking(t)
  const sessionCache = new SessionCache()
  for (let round = 0; round < 3; round++) {
    choke(false)
    t.false((await finish(connect({ ...options, sessionCache }))).resumed)
    choke(true)
    await t.throwsAsync(finish(connect({ ...options, sessionCache })))
  }
  choke(false)
  for (let round = 0; round < 2; round++) {
    t.false((await finish(connect({ ...options, sessionCache }))).resumed)
  }
  t.true(sessionCache.size > 0)
  t.deepEqual(handshakes, { full: 5, resumed: 0 })
})

test('a session whose connection ended in an error before the peer said a word is not offered again', async t => {
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
  socket.destroy(new Error('the peer makes no sense'))
  await t.throwsAsync(once(socket, 'close'))
  t.false((await finish(connect(options))).resumed)
})

test('a session whose connection failed after the peer had answered stays good', async t => {
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
