/** An application that judges the certificate chain of its peer gets the same chain on each connection. */
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import tls from 'node:tls'
import test, { type ExecutionContext } from 'ava'
import { connect, HttpsAgent, SessionCache, sessionKey } from 'tls-resumption'
import { buildConnector } from 'tls-resumption/undici'
import { Client } from 'undici'
import { makeChain } from '../support/chains.ts'
import { outcome } from '../support/outcome.ts'
import { finish, SSL_OP_NO_TICKET, startServer } from '../support/server.ts'

type Open = (options: tls.ConnectionOptions) => tls.TLSSocket

/** Starts a server behind an intermediate. It echoes what it gets, and keeps the connection open. */
async function startChained(t: ExecutionContext, options: tls.TlsOptions) {
  const { root, intermediate, identity } = await makeChain()
  const resumed: boolean[] = []
  const server = tls.createServer({ ...identity, ...options }, socket => {
    resumed.push(socket.isSessionReused())
    socket.on('error', () => {}).on('data', data => socket.end(data))
  })
  server.on('tlsClientError', () => {})
  t.teardown(() => server.close())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  const fingerprint = new X509Certificate(intermediate.cert).fingerprint256
  return {
    dial: { port, host: '127.0.0.1', servername: 'localhost', ca: root.cert },
    fingerprint,
    resumed,
  }
}

/** Returns the certificates from the peer's own to the root. */
function walk(certificate: tls.PeerCertificate): tls.DetailedPeerCertificate[] {
  const all: tls.DetailedPeerCertificate[] = []
  let next = certificate as tls.DetailedPeerCertificate
  while (next && !all.includes(next)) {
    all.push(next)
    next = next.issuerCertificate
  }
  return all
}

/** Walks until a certificate is its own issuer, as applications do. */
function checkLength(
  this: { onLength(length: number): void },
  name: string,
  certificate: tls.PeerCertificate,
): Error | undefined {
  let length = 1
  let next = certificate as tls.DetailedPeerCertificate
  for (; next.issuerCertificate !== next; next = next.issuerCertificate) length++
  this.onLength(length)
  return tls.checkServerIdentity(name, certificate)
}

async function secure(socket: tls.TLSSocket): Promise<tls.TLSSocket> {
  socket.on('error', () => {})
  await once(socket, 'secureConnect')
  return socket
}

/** Makes three connections one after the other with plain Node, then three that may resume. */
async function compare<T>(visit: (open: Open, n: number) => Promise<T>): Promise<{ plain: T[]; ours: T[] }> {
  const sessionCache = new SessionCache()
  const three = async (open: Open) => {
    const results: T[] = []
    for (let n = 0; n < 3; n++) {
      results.push(await visit(open, n))
      await sleep(20)
    }
    return results
  }
  return {
    plain: await three(tls.connect),
    ours: await three(options => connect({ ...options, sessionCache })),
  }
}

/** Sends something that the peer must not get if it is rejected, and waits for the answer. */
async function sendSecret(socket: tls.TLSSocket): Promise<string> {
  socket.write('secret')
  await once(socket, 'data')
  socket.destroy()
  return 'sent'
}

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  const only = { minVersion: version, maxVersion: version }

  for (const wait of [0, 20]) {
    test(`${version}: a chain that the application rejects ${wait} ms after the handshake is rejected each time`, async t => {
      const { dial, fingerprint } = await startChained(t, only)
      const { plain, ours } = await compare(async open => {
        const socket = await secure(open(dial))
        for (const certificate of walk(socket.getPeerCertificate(true))) {
          if (wait > 0) await sleep(wait)
          if (certificate.fingerprint256 === fingerprint) {
            socket.destroy()
            return 'rejected'
          }
        }
        return sendSecret(socket)
      })
      t.deepEqual(plain, ['rejected', 'rejected', 'rejected'])
      t.deepEqual(ours, plain)
    })
  }

  test(`${version}: issuers can be read on each connection`, async t => {
    const { dial, resumed } = await startChained(t, only)
    const { plain, ours } = await compare(async open => {
      const socket = await secure(open(dial))
      const names = walk(socket.getPeerCertificate(true)).map(({ subject }) => subject.CN)
      const [own, sent] = [socket.getPeerCertificate(), socket.getPeerX509Certificate()]
      await sendSecret(socket)
      return { names, own: own.subject?.CN, x509: sent?.subject, issuer: sent?.issuerCertificate?.subject }
    })
    t.deepEqual(plain[0]?.names, ['localhost', 'Intermediate', 'Root'])
    t.deepEqual(ours, plain)
    t.deepEqual(resumed, [false, false, false, false, true, true])
  })

  test(`${version}: checkServerIdentity that walks the issuers to the root that is its own ends`, async t => {
    const { dial, resumed } = await startChained(t, only)
    const lengths: number[] = []
    const options = {
      ...dial,
      checkServerIdentity: checkLength,
      onLength: (length: number) => lengths.push(length),
    }
    await compare(async open => sendSecret(await secure(open(options))))
    t.deepEqual(lengths, Array(6).fill(3))
    t.deepEqual(resumed, [false, false, false, false, true, true])
  })

  test(`${version}: an intermediate that checkServerIdentity denies from the third connection on is refused`, async t => {
    const { dial, fingerprint } = await startChained(t, only)
    const denied = new Set<string>()
    const checkServerIdentity = (name: string, certificate: tls.PeerCertificate) =>
      walk(certificate).some(each => denied.has(each.fingerprint256))
        ? new Error('denied')
        : tls.checkServerIdentity(name, certificate)
    sessionKey({ ...dial, checkServerIdentity })
    const { plain, ours } = await compare(async (open, n) => {
      denied.clear()
      if (n === 2) denied.add(fingerprint)
      const socket = open({ ...dial, checkServerIdentity })
      socket.once('secureConnect', () => socket.write('?'))
      return (await outcome(socket)).refused ?? 'let in'
    })
    t.deepEqual(plain, ['let in', 'let in', 'denied'])
    t.deepEqual(ours, plain)
  })

  test(`${version}: one checkServerIdentity that reads its options decides by those of each connection`, async t => {
    const { dial, fingerprint } = await startChained(t, only)
    function checkServerIdentity(this: { denied: string[] }, name: string, certificate: tls.PeerCertificate) {
      const isDenied = walk(certificate).some(each => this.denied.includes(each.fingerprint256))
      return isDenied ? new Error('denied') : tls.checkServerIdentity(name, certificate)
    }
    const { plain, ours } = await compare(async (open, n) => {
      const options = { ...dial, checkServerIdentity, denied: n === 2 ? [fingerprint] : [] }
      const socket = open(options)
      socket.once('secureConnect', () => socket.write('?'))
      return (await outcome(socket)).refused ?? 'let in'
    })
    t.deepEqual(plain, ['let in', 'let in', 'denied'])
    t.deepEqual(ours, plain)
  })
}

test('TLSv1.3: a connection that the application rejects costs only the sessions that it brought', async t => {
  const { dial } = await startChained(t, { minVersion: 'TLSv1.3' })
  const sessionCache = new SessionCache()
  const open = async () => {
    const socket = connect({ ...dial, sessionCache, coalesce: false })
    let tickets = 0
    const received = new Promise<void>(resolve => socket.on('session', () => ++tickets === 2 && resolve()))
    await Promise.all([secure(socket), received])
    return socket
  }
  const [rejected, accepted] = await Promise.all([open(), open()])
  t.is(sessionCache.size, 4)
  rejected.destroy()
  await once(rejected, 'close')
  t.is(sessionCache.size, 2)
  await sendSecret(accepted)
  await sleep(20)
  t.is(sessionCache.size, 2)
  // From now on the application is known to accept the chain, so that a connection it gives up costs nothing.
  const givenUp = await secure(connect({ ...dial, sessionCache }))
  t.true(givenUp.isSessionReused())
  givenUp.destroy()
  await once(givenUp, 'close')
  t.is(sessionCache.size, 2)
})

test('TLSv1.2: at a server with session IDs, a rejected connection costs no older session', async t => {
  const only = { maxVersion: 'TLSv1.2', secureOptions: SSL_OP_NO_TICKET } as const
  const { server, port, ca } = await startServer(t, only)
  const sessions = new Map<string, Buffer>()
  server.on('newSession', (id, session, done) => {
    sessions.set(id.toString('hex'), session)
    done()
  })
  server.on('resumeSession', (id, done) => done(null, sessions.get(id.toString('hex'))))
  const options = { port, ca, servername: 'localhost', sessionCache: new SessionCache() }
  t.deepEqual(await finish(connect(options)), { resumed: false, authorized: true })
  const rejected = connect(options)
  const wasResumed = once(rejected, 'secureConnect').then(() => {
    const isResumed = rejected.isSessionReused()
    rejected.destroy()
    return isResumed
  })
  t.true(await wasResumed)
  await once(rejected, 'close')
  t.deepEqual(await finish(connect(options)), { resumed: true, authorized: true })
})

/** Starts an HTTPS server behind an intermediate. */
async function startHttps(t: ExecutionContext) {
  const { root, intermediate, identity } = await makeChain()
  const resumed: boolean[] = []
  const server = https.createServer(identity, (request, response) => {
    resumed.push((request.socket as tls.TLSSocket).isSessionReused())
    response.setHeader('Connection', 'close').end('!')
  })
  t.teardown(() => server.close())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const fingerprint = new X509Certificate(intermediate.cert).fingerprint256
  return { port: (server.address() as AddressInfo).port, ca: root.cert, fingerprint, resumed }
}

/** Demands a certificate in the chain that the options name, as applications pin an intermediate. */
function checkPin(this: { pinned: string }, name: string, certificate: tls.PeerCertificate) {
  return walk(certificate).some(each => each.fingerprint256 === this.pinned)
    ? tls.checkServerIdentity(name, certificate)
    : new Error('not pinned')
}

test('https.request: an intermediate can be pinned on each connection', async t => {
  const { port, ca, fingerprint, resumed } = await startHttps(t)
  const get = async (pinned: string, agent: https.Agent) => {
    const dial = { host: '127.0.0.1', servername: 'localhost', port, ca }
    const options = { ...dial, agent, checkServerIdentity: checkPin, pinned }
    try {
      const [response] = await once(https.get(options), 'response')
      const socket = response.socket as tls.TLSSocket
      const issuer = socket.getPeerCertificate(true).issuerCertificate.fingerprint256
      await once(response.resume(), 'end')
      return issuer === fingerprint ? 'pinned' : 'another'
    } catch (error) {
      return (error as Error).message
    }
  }
  const three = async (agent: https.Agent) => [
    await get(fingerprint, agent),
    await get(fingerprint, agent),
    await get('AA:BB', agent),
  ]
  t.deepEqual(await three(new https.Agent({ maxCachedSessions: 0 })), ['pinned', 'pinned', 'not pinned'])
  const sessionCache = new SessionCache()
  t.deepEqual(await three(new HttpsAgent({ sessionCache })), ['pinned', 'pinned', 'not pinned'])
  t.deepEqual(resumed, [false, false, false, true])
})

test('undici: an intermediate can be pinned on each connection', async t => {
  const { port, ca, fingerprint, resumed } = await startHttps(t)
  const sessionCache = new SessionCache()
  const get = async (pinned: string) => {
    const client = new Client(`https://127.0.0.1:${port}`, {
      connect: buildConnector({
        ca,
        servername: 'localhost',
        checkServerIdentity: checkPin,
        pinned,
        sessionCache,
      } as object),
    })
    try {
      const { body } = await client.request({ path: '/', method: 'GET' })
      return await body.text()
    } catch (error) {
      return (error as Error).message
    } finally {
      await client.destroy()
    }
  }
  t.is(await get(fingerprint), '!')
  t.is(await get(fingerprint), '!')
  t.is(await get('AA:BB'), 'not pinned')
  t.deepEqual(resumed, [false, true])
})
