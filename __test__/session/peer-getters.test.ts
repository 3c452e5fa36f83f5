/** What the getters of a socket return about its peer is what they return in plain Node. */
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import tls from 'node:tls'
import test, { type ExecutionContext } from 'ava'
import { connect, SessionCache } from 'tls-resumption'
import { makeChain } from '../support/chains.ts'

type Open = (options: tls.ConnectionOptions) => tls.TLSSocket

/** `SSL_OP_ALLOW_CLIENT_RENEGOTIATION`, which Node.js does not export. */
const ALLOW_CLIENT_RENEGOTIATION = 1 << 8

const GETTERS = Object.entries(Object.getOwnPropertyDescriptors(X509Certificate.prototype))
  .filter(([name, { get }]) => get !== undefined && name !== 'issuerCertificate')
  .map(([name]) => name as keyof X509Certificate)

/** Returns each field of a certificate, as this Node.js has them. */
function fieldsOf(certificate: X509Certificate) {
  const fields = Object.fromEntries(GETTERS.map(name => [name, certificate[name] as unknown]))
  return {
    ...fields,
    publicKey: certificate.publicKey.export({ type: 'spki', format: 'der' }),
    text: certificate.toString(),
    json: certificate.toJSON(),
    legacy: certificate.toLegacyObject(),
    prototype: Object.getPrototypeOf(certificate),
  }
}

/** Returns the fields of all certificates, the peer's own first. */
function chainOf(socket: tls.TLSSocket) {
  const chain = []
  for (let next = socket.getPeerX509Certificate(); next && chain.length < 10; next = next.issuerCertificate)
    chain.push(fieldsOf(next))
  return chain
}

/** Starts a server that sends its own certificate and that of its issuer, and answers what it gets. */
async function startServer(t: ExecutionContext, version: tls.SecureVersion) {
  const { root, identity } = await makeChain()
  const only = { minVersion: version, maxVersion: version }
  const server = tls.createServer(
    { ...identity, ...only, secureOptions: ALLOW_CLIENT_RENEGOTIATION },
    socket => {
      socket.on('error', () => {}).on('data', () => socket.write('!'))
    },
  )
  t.teardown(() => server.close())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  return { port, host: '127.0.0.1', servername: 'localhost', ca: root.cert }
}

/** Connects and exchanges data, so that sessions have come, then calls `use`. */
async function visit<T>(socket: tls.TLSSocket, use: (socket: tls.TLSSocket) => T | Promise<T>): Promise<T> {
  await once(socket, 'secureConnect')
  socket.write('?')
  await once(socket, 'data')
  const result = await use(socket)
  socket.end('!').resume()
  await once(socket, 'close')
  return result
}

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`peer getters: ${version} getPeerX509Certificate of a resumed socket equals that of a full handshake`, async t => {
    const options = await startServer(t, version)
    const expected = await visit(tls.connect(options), chainOf)
    t.is(expected.length, 2, 'the server sends two certificates')
    t.true(GETTERS.length > 10)
    const sessionCache = new SessionCache()
    const open: Open = own => connect({ ...own, sessionCache })
    t.deepEqual(await visit(open(options), chainOf), expected)
    const resumed = await visit(open(options), socket => {
      const [leaf, issuer] = [
        socket.getPeerX509Certificate(),
        socket.getPeerX509Certificate()?.issuerCertificate,
      ]
      return {
        isResumed: socket.isSessionReused(),
        chain: chainOf(socket),
        isIssued: issuer !== undefined && leaf?.checkIssued(issuer),
        isSigned: issuer !== undefined && leaf?.verify(issuer.publicKey),
      }
    })
    t.deepEqual(resumed, { isResumed: true, chain: expected, isIssued: true, isSigned: true })
  })
}

/** What an application may read of a socket about its peer. */
function readGetters(socket: tls.TLSSocket) {
  return {
    isResumed: socket.isSessionReused(),
    authorized: socket.authorized,
    error: socket.authorizationError,
    abbreviated: socket.getPeerCertificate(),
    detailed: socket.getPeerCertificate(true),
    chain: chainOf(socket),
    protocol: socket.getProtocol(),
    cipher: socket.getCipher(),
  }
}

/** Renegotiates three times in a row. Returns what the getters return after each time. */
async function renegotiate(socket: tls.TLSSocket) {
  const read = []
  for (let times = 0; times < 3; times++) {
    await new Promise<void>((resolve, reject) => {
      socket.renegotiate({}, error => (error ? reject(error) : resolve()))
    })
    read.push(readGetters(socket))
  }
  return read
}

test('peer getters: TLSv1.2 after one renegotiation and more they return what plain Node returns', async t => {
  const options = await startServer(t, 'TLSv1.2')
  let session: Buffer | undefined
  const full = tls.connect(options).on('session', own => {
    session ??= own
  })
  const expected = await visit(full, renegotiate)
  t.is(expected.length, 3)
  const isResumed: boolean[] = []
  const resuming = async (socket: tls.TLSSocket) => {
    isResumed.push(socket.isSessionReused())
    return renegotiate(socket)
  }
  const afterResumption = await visit(tls.connect({ ...options, session }), resuming)
  const sessionCache = new SessionCache()
  const open: Open = own => connect({ ...own, sessionCache })
  t.deepEqual(await visit(open(options), renegotiate), expected)
  t.deepEqual(await visit(open(options), resuming), afterResumption)
  t.deepEqual(isResumed, [true, true])
})
