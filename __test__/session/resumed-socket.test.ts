/** A resumed connection returns the certificates of its peer, for applications that check them after the handshake. */
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

/** Reads a socket at secureConnect, before any other listener. */
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
    test(`resumed socket: ${maxVersion} ${form} returns the certificates of a full handshake with the chain`, async t => {
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

  test(`resumed socket: ${maxVersion} an application that checks the name afterwards finds it`, async t => {
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

  test(`resumed socket: ${maxVersion} an unverified peer stays unverified`, async t => {
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

  test(`resumed socket: ${maxVersion} after a rejection it returns the certificates of the full handshake`, async t => {
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

  test(`resumed socket: ${maxVersion} with a caller session it returns what plain Node returns`, async t => {
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

test('resumed socket: a destroyed socket returns what plain Node returns', async t => {
  const { port, ca } = await startServer(t)
  const options = { port, ca, servername: 'localhost', sessionCache: new SessionCache() }
  await finish(connect(options))
  const socket = connect(options)
  t.true((await outcome(socket)).resumed)
  t.is(socket.getPeerCertificate(), null as never)
  t.is(socket.getPeerX509Certificate(), undefined)
})
