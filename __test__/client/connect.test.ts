import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import tls from 'node:tls'
import test from 'ava'
import { type ConnectOptions, connect, resumeSessions, SessionCache, sessionKey } from 'tls-resumption'
import { finish, SSL_OP_NO_TICKET, startServer, testAuthority } from '../support/server.ts'

const MECHANISMS: Record<string, tls.TlsOptions> = {
  'TLS 1.2 session ids': { maxVersion: 'TLSv1.2', secureOptions: SSL_OP_NO_TICKET },
  'TLS 1.2 tickets': { maxVersion: 'TLSv1.2' },
  'TLS 1.3 tickets': { minVersion: 'TLSv1.3' },
}

for (const [mechanism, serverOptions] of Object.entries(MECHANISMS)) {
  for (const withClientCertificate of [false, true]) {
    const kind = withClientCertificate ? 'with a client certificate' : 'without a client certificate'
    test(`connect: ${mechanism} resume ${kind}, and both ends agree`, async t => {
      const { cert, issue } = await testAuthority()
      const trust = withClientCertificate ? { requestCert: true, ca: cert } : {}
      const { server, port, ca, handshakes } = await startServer(t, { ...serverOptions, ...trust })
      resumeSessions(server, { sessionCache: new SessionCache() })
      const identity = withClientCertificate ? await issue({ commonName: 'client', usage: 'client' }) : {}
      const sessionCache = new SessionCache()
      for (let round = 0; round < 4; round++) {
        const { resumed, authorized } = await finish(
          connect({ port, host: '127.0.0.1', servername: 'localhost', ca, ...identity, sessionCache }),
        )
        t.is(resumed, round > 0)
        t.true(authorized)
      }
      t.deepEqual(handshakes, { full: 1, resumed: 3 })
    })
  }
}

test('connect: without a cache option, connections resume from the default cache', async t => {
  const { port, ca } = await startServer(t)
  t.false((await finish(connect({ port, ca, servername: 'localhost' }))).resumed)
  t.true((await finish(connect({ port, ca, servername: 'localhost' }))).resumed)
})

test('connect: with sessionCache null a connection neither resumes nor stores', async t => {
  const { port, ca, handshakes } = await startServer(t)
  const options = { port, ca, servername: 'localhost' }
  await finish(connect({ ...options, sessionCache: null }))
  t.false((await finish(connect(options))).resumed, 'nothing was kept')
  t.false((await finish(connect({ ...options, sessionCache: null }))).resumed)
  t.deepEqual(handshakes, { full: 3, resumed: 0 })
})

test('connect: a session of null or undefined is ignored', async t => {
  const { port, ca } = await startServer(t)
  const options = { port, ca, servername: 'localhost', sessionCache: new SessionCache() }
  await finish(connect(options))
  t.true((await finish(connect({ ...options, session: null as never }))).resumed)
  t.true((await finish(connect({ ...options, session: undefined }))).resumed)
})

test('connect: a session of the caller is offered, and nothing of its connection is stored', async t => {
  const { port, ca } = await startServer(t)
  const options = { port, ca, servername: 'localhost' }
  const plain = tls.connect(options)
  const [session] = await Promise.all([
    once(plain, 'session').then(([blob]) => blob as Buffer),
    finish(plain),
  ])
  const sessionCache = new SessionCache()
  t.true((await finish(connect({ ...options, session, sessionCache }))).resumed)
  t.is(sessionCache.size, 0)
})

test('connect: a session that the application kept is offered, and no ticket of the cache is used', async t => {
  const { port, ca } = await startServer(t)
  const sessionCache = new SessionCache({ singleUse: true })
  const options = { port, ca, servername: 'localhost', sessionCache }
  const socket = connect(options)
  const [kept] = await Promise.all([once(socket, 'session').then(([blob]) => blob as Buffer), finish(socket)])
  const { size, takes, sets } = sessionCache.stats()
  t.true(size > 0)
  t.true((await finish(tls.connect({ port, ca, servername: 'localhost', session: kept }))).resumed)
  t.true((await finish(connect({ ...options, session: Buffer.from(kept) }))).resumed)
  t.like(sessionCache.stats(), { size, takes, sets })
})

test('connect: with singleUse no ticket is offered twice', async t => {
  const { port, ca, handshakes } = await startServer(t)
  const sessionCache = new SessionCache({ singleUse: true })
  const options = { port, ca, servername: 'localhost', sessionCache }
  for (let round = 0; round < 4; round++) await finish(connect(options))
  // Node sends two tickets after a full TLS 1.3 handshake and none after a resumed one.
  t.deepEqual(handshakes, { full: 2, resumed: 2 })
})

test('connect: TLS 1.2 sessions are resumed repeatedly, also with singleUse', async t => {
  const { port, ca, handshakes } = await startServer(t, { maxVersion: 'TLSv1.2' })
  const sessionCache = new SessionCache({ singleUse: true })
  for (let round = 0; round < 4; round++) {
    await finish(connect({ port, ca, servername: 'localhost', sessionCache }))
  }
  t.deepEqual(handshakes, { full: 1, resumed: 3 })
})

test('connect: every form of arguments of tls.connect is accepted', async t => {
  const { port, ca, handshakes } = await startServer(t)
  const options: ConnectOptions = { ca, servername: 'localhost', sessionCache: new SessionCache() }
  const called: string[] = []
  await finish(connect({ ...options, port }, () => called.push('options')))
  await finish(connect(port, { ...options, host: '127.0.0.1' }, () => called.push('port, options')))
  await finish(connect(port, '127.0.0.1', options, () => called.push('port, host, options')))
  await finish(connect(`${port}` as never, '127.0.0.1', options, () => called.push('port as text')))
  t.deepEqual(called, ['options', 'port, options', 'port, host, options', 'port as text'])
  t.deepEqual(handshakes, { full: 2, resumed: 2 }, 'localhost and 127.0.0.1 are two endpoints')
})

test('connect: connections over a unix socket resume', async t => {
  const { server, ca, handshakes } = await startServer(t)
  const directory = mkdtempSync(join(tmpdir(), 'tls-resumption-'))
  const path = join(directory, 'socket')
  const front = net.createServer(socket => server.emit('connection', socket)).listen(path)
  t.teardown(() => {
    front.close()
    rmSync(directory, { recursive: true })
  })
  await once(front, 'listening')
  const sessionCache = new SessionCache()
  await finish(connect(path, { ca, servername: 'localhost', sessionCache }))
  await finish(connect({ path, ca, servername: 'localhost', sessionCache }))
  t.deepEqual(handshakes, { full: 1, resumed: 1 })
})

test('connect: a connected socket is upgraded and resumes', async t => {
  const { port, ca, handshakes } = await startServer(t)
  const sessionCache = new SessionCache()
  for (let round = 0; round < 3; round++) {
    const socket = net.connect(port, '127.0.0.1')
    await once(socket, 'connect')
    await finish(connect({ socket, ca, servername: 'localhost', sessionCache }))
  }
  t.deepEqual(handshakes, { full: 1, resumed: 2 })
})

test('connect: a connecting socket is upgraded and resumes', async t => {
  const { port, ca, handshakes } = await startServer(t)
  const sessionCache = new SessionCache()
  for (let round = 0; round < 3; round++) {
    const socket = net.connect(port, '127.0.0.1')
    await finish(connect({ socket, ca, servername: 'localhost', sessionCache }))
  }
  t.deepEqual(handshakes, { full: 1, resumed: 2 })
})

test('connect: a refused TCP connection uses no ticket', async t => {
  const { server, port, ca } = await startServer(t)
  const sessionCache = new SessionCache({ singleUse: true })
  const options = { port, ca, host: '127.0.0.1', servername: 'localhost', sessionCache }
  await finish(connect(options))
  const tickets = sessionCache.size
  server.close()
  await once(server, 'close')
  const error = await t.throwsAsync(finish(connect(options)))
  t.is((error as NodeJS.ErrnoException).code, 'ECONNREFUSED')
  t.is(sessionCache.size, tickets)
})

test('connect: the options object is not changed, and its getters are read once', async t => {
  const { port, ca } = await startServer(t)
  let reads = 0
  const options = {
    port,
    servername: 'localhost',
    sessionCache: new SessionCache(),
    get ca() {
      reads++
      return ca
    },
  }
  const before = Object.getOwnPropertyDescriptors(options)
  await finish(connect(options))
  t.is(reads, 1)
  t.deepEqual(Object.getOwnPropertyDescriptors(options), before)
})

test('connect: errors of invalid options differ from those of Node', async t => {
  const cache = new SessionCache()
  t.throws(() => connect({ port: 1, sessionCache: {} as never }), {
    code: 'ERR_INVALID_ARG_TYPE',
    message: /sessionCache/,
  })
  t.throws(() => connect({ port: 1, session: cache as never }), {
    code: 'ERR_INVALID_ARG_TYPE',
    message: /sessionCache/,
  })
  t.throws(() => connect({ port: 1, cachePartition: 1 as never }), { code: 'ERR_INVALID_ARG_TYPE' })
  const ours = t.throws(() => connect({ port: 1, cert: 'no PEM' }))
  const nodes = t.throws(() => tls.connect({ port: 1, cert: 'no PEM' }))
  t.is(ours.message, nodes.message)
})

test('connect: nothing is stored in a cache that is disposed of while a connection is open', async t => {
  const { port, ca } = await startServer(t)
  const sessionCache = new SessionCache()
  const socket = connect({ port, ca, servername: 'localhost', sessionCache })
  await once(socket, 'secureConnect')
  sessionCache[Symbol.dispose]()
  await t.notThrowsAsync(finish(socket))
})

test('connect: sessions are stored under the key that sessionKey returns', async t => {
  const { port, ca } = await startServer(t)
  const sessionCache = new SessionCache()
  const options = { port, ca, servername: 'localhost', cachePartition: 'tenant' }
  await finish(connect({ ...options, sessionCache }))
  t.true(sessionCache.has(sessionKey(options) ?? ''))
})
