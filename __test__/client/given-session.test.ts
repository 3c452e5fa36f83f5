/** A session that the application gives is offered as by plain Node. The tests replace `tls.connect`, so one by one. */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import https from 'node:https'
import net, { type AddressInfo } from 'node:net'
import tls from 'node:tls'
import test, { type ExecutionContext } from 'ava'
import { connect, HttpsAgent, install, purge, SessionCache, sessionKey, uninstall } from 'tls-resumption'
import { outcome, sessionOf } from '../support/outcome.ts'
import { finish, startServer, testAuthority } from '../support/server.ts'

type Open = (options: tls.ConnectionOptions) => tls.TLSSocket
type Settable = tls.TLSSocket & { setSession(session: Buffer): void }

const plain = tls.connect
const serial = test.serial

test.afterEach.always(() => uninstall())

/** Starts two servers that share ticket keys, as the two ports of an FTP server do. */
async function startPair(t: ExecutionContext, options: tls.TlsOptions) {
  const shared = { ticketKeys: randomBytes(48), sessionIdContext: 'shared', ...options }
  const [first, second] = [await startServer(t, shared), await startServer(t, shared)]
  const dial = { host: '127.0.0.1', servername: 'localhost', ca: first.ca }
  return {
    first: { ...dial, port: first.port },
    second: { ...dial, port: second.port },
    servers: [first, second],
  }
}

/** Makes a connection and returns the last session that it emitted, and the session of the socket. */
async function keep(socket: tls.TLSSocket): Promise<{ emitted: Buffer; got: Buffer }> {
  let [emitted, got] = [Buffer.alloc(0), Buffer.alloc(0)]
  socket.on('session', session => {
    emitted = session
    got = socket.getSession() ?? got
  })
  await finish(socket)
  return { emitted, got }
}

const inline = () => (name: string, certificate: tls.PeerCertificate) =>
  name && certificate.subject ? undefined : new Error('no certificate')

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  const only = { minVersion: version, maxVersion: version }

  const WAYS: Record<string, (first: tls.ConnectionOptions, second: tls.ConnectionOptions) => object> = {
    'another port': (_, second) => second,
    'the same port, with the same options': first => first,
    'the same port, with the host spelled otherwise': first => ({ ...first, host: 'localhost', family: 4 }),
    'the same port, with an inline checkServerIdentity': first => ({
      ...first,
      checkServerIdentity: inline(),
    }),
    'the same port, with requestOCSP': first => ({ ...first, requestOCSP: true }),
  }
  for (const [way, optionsOf] of Object.entries(WAYS)) {
    for (const source of ['emitted', 'got'] as const) {
      serial(
        `${version}: a session ${source === 'got' ? 'of getSession()' : 'of the session event'} is offered to ${way}`,
        async t => {
          const visit = async (open: Open, others: Open = open) => {
            const { first, second } = await startPair(t, only)
            const { [source]: session } = await keep(open(first))
            return outcome(others({ ...optionsOf(first, second), session }))
          }
          const expected = await visit(plain)
          t.true(expected.resumed)
          install({ sessionCache: new SessionCache() })
          t.deepEqual(await visit(tls.connect), expected, 'installed')
          uninstall()
          const sessionCache = new SessionCache()
          t.deepEqual(await visit(options => connect({ ...options, sessionCache })), expected, 'connect()')
          t.deepEqual(
            await visit(plain, options => connect({ ...options, sessionCache })),
            expected,
            'from elsewhere',
          )
        },
      )
    }
  }

  serial(`${version}: a session that the application gives is offered over its socket`, async t => {
    const visit = async (open: Open) => {
      const { first, second } = await startPair(t, only)
      const { emitted } = await keep(open(first))
      const { port, ...rest } = second
      const socket = net.connect(port, '127.0.0.1')
      await once(socket, 'connect')
      return outcome(open({ ...rest, socket, session: emitted }))
    }
    const expected = await visit(plain)
    t.true(expected.resumed)
    install({ sessionCache: new SessionCache() })
    t.deepEqual(await visit(tls.connect), expected)
  })

  serial(
    `${version}: a session that was kept with other ciphers does what it does with plain Node`,
    async t => {
      const visit = async (open: Open) => {
        const { first } = await startPair(t, only)
        const { emitted: session } = await keep(
          open({ ...first, ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256:TLS_AES_128_GCM_SHA256' }),
        )
        const ciphers = 'ECDHE-ECDSA-AES256-GCM-SHA384:TLS_AES_256_GCM_SHA384'
        return outcome(open({ ...first, ciphers, session }))
      }
      const expected = await visit(plain)
      const sessionCache = new SessionCache()
      t.deepEqual(await visit(options => connect({ ...options, sessionCache })), expected)
    },
  )

  serial(
    `${version}: a session from before the server's keys were put back is offered, and wins over a newer one`,
    async t => {
      const visit = async (open: Open) => {
        const { first, servers } = await startPair(t, only)
        const keys = servers[0]?.server.getTicketKeys() as Buffer
        const { emitted: session } = await keep(open(first))
        servers[0]?.server.setTicketKeys(randomBytes(48))
        await finish(open(first))
        servers[0]?.server.setTicketKeys(keys)
        return outcome(open({ ...first, session }))
      }
      const expected = await visit(plain)
      t.true(expected.resumed)
      const sessionCache = new SessionCache()
      t.deepEqual(await visit(options => connect({ ...options, sessionCache })), expected)
    },
  )

  serial(`${version}: a session that is set before the handshake is offered`, async t => {
    const visit = async (open: Open, event: 'connectionAttempt' | 'lookup') => {
      const { first } = await startPair(t, only)
      const session = await sessionOf(first)
      const socket = open({ ...first, host: 'localhost' }) as Settable
      socket.once(event, () => socket.setSession(session))
      return outcome(socket)
    }
    const sessionCache = new SessionCache()
    const expected = await visit(plain, 'lookup')
    t.true(expected.resumed)
    t.deepEqual(await visit(options => connect({ ...options, sessionCache }), 'lookup'), expected)
    t.is(sessionCache.stats().sets, 0)
  })

  serial(
    `${version}: a session that is set in a connect listener does what it does with plain Node`,
    async t => {
      const visit = async (open: Open) => {
        const { first } = await startPair(t, only)
        const session = await sessionOf(first)
        const socket = open(first) as Settable
        socket.prependOnceListener('connect', () => socket.setSession(session))
        return outcome(socket)
      }
      const expected = await visit(plain)
      t.true(expected.resumed)
      const sessionCache = new SessionCache()
      const ours = () => visit(options => connect({ ...options, sessionCache }))
      t.deepEqual(await ours(), expected)
      t.is(sessionCache.stats().sets, 0)
    },
  )

  serial(`${version}: a session that is set during the handshake changes nothing`, async t => {
    const { first } = await startPair(t, only)
    const foreign = await sessionOf(first)
    const visit = async (open: Open) => {
      const socket = open(first) as Settable
      socket.once('connect', () => socket.setSession(foreign))
      let shown = false
      socket.once('secureConnect', () => {
        shown = Object.keys(socket.getPeerCertificate()).length > 0
      })
      const { resumed, refused } = await outcome(socket)
      return { resumed, refused, shown }
    }
    t.deepEqual(await visit(plain), { resumed: false, refused: undefined, shown: true })
    const sessionCache = new SessionCache()
    await finish(connect({ ...first, sessionCache }))
    const ours = () => visit(options => connect({ ...options, sessionCache }))
    t.deepEqual(await ours(), { resumed: true, refused: undefined, shown: true })
    t.deepEqual(await ours(), { resumed: true, refused: undefined, shown: true })
  })

  for (const [what, agent] of Object.entries({
    'an https.Agent': () => new https.Agent(),
    'the global agent': () => undefined,
    'no agent': () => false,
    'an HttpsAgent': () => new HttpsAgent({ sessionCache: new SessionCache() }),
  } as Record<string, () => https.Agent | undefined | false>)) {
    serial(`${version}: https.request offers a session of another process with ${what}`, async t => {
      const { cert: ca, issue } = await testAuthority()
      const identity = await issue({ commonName: 'localhost', usage: 'server' })
      const resumed: boolean[] = []
      const server = https.createServer({ ...identity, ...only }, (request, response) => {
        resumed.push((request.socket as tls.TLSSocket).isSessionReused())
        response.setHeader('Connection', 'close').end('!')
      })
      t.teardown(() => server.close())
      await once(server.listen(0, '127.0.0.1'), 'listening')
      const { port } = server.address() as AddressInfo
      const dial = { port, host: '127.0.0.1', servername: 'localhost', ca }
      // The package does not see plain connections, as those of another process.
      const socket = plain(dial, () => socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'))
      const { emitted: session } = await keep(socket)
      const get = async () => {
        const options = { ...dial, session, agent: agent() } as https.RequestOptions
        const [response] = await once(https.get(options), 'response')
        await once(response.resume(), 'end')
      }
      if (what !== 'an HttpsAgent') await get()
      install({ sessionCache: new SessionCache() })
      await get()
      t.deepEqual(resumed, what === 'an HttpsAgent' ? [false, true] : [false, true, true])
    })
  }

  serial(
    `${version}: after a purge a session that this package emitted is dropped, and one from elsewhere is offered`,
    async t => {
      const { first } = await startPair(t, only)
      const sessionCache = new SessionCache()
      const { emitted: own } = await keep(connect({ ...first, sessionCache }))
      const elsewhere = await sessionOf(first)
      purge({ host: '127.0.0.1' })
      t.false((await outcome(connect({ ...first, sessionCache, session: own }))).resumed)
      t.true((await outcome(connect({ ...first, sessionCache, session: elsewhere }))).resumed)
    },
  )

  serial(`${version}: a session whose peer is not acceptable any more is not offered`, async t => {
    const { first } = await startPair(t, only)
    let isGood = true
    const checkServerIdentity = () => (isGood ? undefined : new Error('denied'))
    const options = { ...first, checkServerIdentity, sessionCache: new SessionCache() }
    sessionKey(options)
    const { emitted: session } = await keep(connect(options))
    t.true((await outcome(connect({ ...options, session }))).resumed)
    isGood = false
    t.is((await outcome(connect({ ...options, session }))).refused, 'denied')
  })
}
