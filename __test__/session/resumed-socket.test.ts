/** A resumed connection tells the certificate of its peer, for those who look at it after the handshake. */
import { once } from 'node:events'
import net from 'node:net'
import tls from 'node:tls'
import test from 'ava'
import { type ConnectOptions, connect, SessionCache } from 'tls-resumption'
import { outcome, sessionOf } from '../support/outcome.ts'
import { finish, startServer, testAuthority } from '../support/server.ts'

interface Told {
  resumed: boolean
  certificate: tls.PeerCertificate
  detailed: tls.DetailedPeerCertificate
  x509: string | undefined
}

/** What a socket tells when it is secure, before anybody else is told that it is. */
async function told(socket: tls.TLSSocket): Promise<Told> {
  const secure = once(socket, 'secureConnect').then(() => ({
    resumed: socket.isSessionReused(),
    certificate: socket.getPeerCertificate(),
    detailed: socket.getPeerCertificate(true),
    x509: socket.getPeerX509Certificate()?.toString(),
  }))
  const [result] = await Promise.all([secure, finish(socket)])
  return result
}

async function connected(port: number): Promise<net.Socket> {
  const socket = net.connect(port, '127.0.0.1')
  await once(socket, 'connect')
  return socket
}

for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
  const forms: Record<string, (options: ConnectOptions & { port: number }) => Promise<tls.TLSSocket>> = {
    'to a port': async options => connect(options),
    'over a socket that connects': async ({ port, ...options }) =>
      connect({ ...options, socket: net.connect(port, '127.0.0.1') }),
    'over a socket that is connected': async ({ port, ...options }) =>
      connect({ ...options, socket: await connected(port) }),
  }
  for (const [form, open] of Object.entries(forms)) {
    test(`${maxVersion}, ${form}: returns what a full handshake returns, the chain included`, async t => {
      const { port, ca } = await startServer(t, { maxVersion })
      const options = { port, ca, servername: 'localhost', sessionCache: new SessionCache() }
      const full = await told(await open(options))
      const resumed = await told(await open(options))
      t.deepEqual([full.resumed, resumed.resumed], [false, true])
      t.is(full.certificate.subject.CN, 'localhost')
      t.deepEqual(resumed.certificate, full.certificate)
      t.is(resumed.x509, full.x509)
      t.truthy(full.detailed.issuerCertificate)
      t.deepEqual(resumed.detailed, full.detailed)
    })
  }

  test(`${maxVersion}: who looks for the name after the handshake finds it, as with plain Node only in a full one`, async t => {
    const { port, ca } = await startServer(t, { maxVersion })
    const options = { port, ca, servername: 'localhost' }
    const checked = async (socket: tls.TLSSocket) => {
      const { resumed, certificate } = await told(socket)
      return { resumed, error: tls.checkServerIdentity('localhost', certificate)?.message }
    }
    const session = await sessionOf(options)
    const fooled = await checked(tls.connect({ ...options, session }))
    t.true(fooled.resumed)
    t.regex(fooled.error ?? '', /Cert does not contain a DNS name/)
    const sessionCache = new SessionCache()
    t.like(await checked(connect({ ...options, sessionCache })), { resumed: false, error: undefined })
    t.like(await checked(connect({ ...options, sessionCache })), { resumed: true, error: undefined })
  })

  test(`${maxVersion}: of an unverified peer, too, which stays one`, async t => {
    const { port } = await startServer(t, { maxVersion })
    const sessionCache = new SessionCache()
    const lenient = { port, servername: 'localhost', rejectUnauthorized: false, sessionCache }
    const full = await told(connect(lenient))
    const socket = connect(lenient)
    const resumed = await told(socket)
    t.true(resumed.resumed)
    t.deepEqual(resumed.certificate, full.certificate)
    t.false(socket.authorized)
  })

  test(`${maxVersion}: where the session is refused, that of the full handshake`, async t => {
    const { issue } = await testAuthority()
    const { server, port, ca } = await startServer(t, { maxVersion })
    const options = { port, ca, servername: 'localhost', sessionCache: new SessionCache() }
    const before = await told(connect(options))
    server.setSecureContext({ ...(await issue({ commonName: 'localhost', usage: 'server' })), maxVersion })
    const after = await told(connect(options))
    t.false(after.resumed)
    t.not(after.x509, before.x509)
    t.is(after.certificate.fingerprint256, (await told(connect(options))).certificate.fingerprint256)
  })

  test(`${maxVersion}: nothing of ours is told for a session that the caller sets`, async t => {
    const { port, ca } = await startServer(t, { maxVersion })
    const options = { port, ca, servername: 'localhost', sessionCache: new SessionCache() }
    const session = await sessionOf({ port, ca, servername: 'localhost' })
    await finish(connect(options))
    const socket = connect(options)
    socket.prependOnceListener('connect', () =>
      (socket as unknown as { setSession(s: Buffer): void }).setSession(session),
    )
    const { resumed, certificate, x509 } = await told(socket)
    t.deepEqual([resumed, certificate as object, x509], [true, {}, undefined])
  })
}

test('a destroyed socket tells what Node tells', async t => {
  const { port, ca } = await startServer(t)
  const options = { port, ca, servername: 'localhost', sessionCache: new SessionCache() }
  await finish(connect(options))
  const socket = connect(options)
  t.true((await outcome(socket)).resumed)
  t.is(socket.getPeerCertificate(), null as never)
  t.is(socket.getPeerX509Certificate(), undefined)
})
