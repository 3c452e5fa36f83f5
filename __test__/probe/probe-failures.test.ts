/** Peers that cannot be probed: each a sentence and the exit code 3. */
import { once } from 'node:events'
import net, { type AddressInfo, type Socket } from 'node:net'
import test, { type ExecutionContext } from 'ava'
import { alertOf, explain, Failure, tooLate } from '../../dist/probe/failures.js'
import { freePort } from '../../e2e/drivers/processes.ts'
import { fileWith, type Probed, probe, tlsResumption } from '../support/cli.ts'
import { startServer, testAuthority } from '../support/server.ts'

/** A server that is none of TLS; its port. */
async function startTcp(t: ExecutionContext, meets: (socket: Socket) => void): Promise<{ port: number }> {
  const sockets = new Set<Socket>()
  const server = net.createServer(socket => {
    sockets.add(socket)
    socket.on('error', () => {})
    meets(socket)
  })
  t.teardown(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { port: (server.address() as AddressInfo).port }
}

function failedWith(t: ExecutionContext, { code, error, verdict, versions }: Probed, sentence: RegExp): void {
  t.regex(error?.message ?? '', sentence)
  t.is(verdict, `could not be probed: ${error?.message}`)
  t.deepEqual(versions, [])
  t.is(code, 3)
}

test('a name that there is not', async t => {
  const { code, stdout, stderr } = await tlsResumption('probe', 'no-such-host.invalid', '--json')
  // Where there is no network, there is no name server to say so.
  t.regex(
    JSON.parse(stdout).peers[0].error.message,
    /^(there is no host of this name|the name cannot be looked up now: no name server answers)$/,
  )
  t.is(stderr, '')
  t.is(code, 3)
})

test('a port where nothing listens', async t => {
  const probed = await probe(t, { port: await freePort() })
  failedWith(t, probed, /^nothing listens there: the connection was refused$/)
  t.is(probed.contacts.length, 1, 'nobody insists')
})

test('a server that never says anything', async t => {
  const probed = await probe(t, await startTcp(t, () => {}), '--timeout', '0.5')
  failedWith(t, probed, /^it took the connection and did not finish the handshake within 0\.5 s/)
})

test('a server of another protocol', async t => {
  const ssh = await startTcp(t, socket => socket.write('SSH-2.0-OpenSSH_9.2\r\n'))
  failedWith(t, await probe(t, ssh), /^it answers, but not in TLS; where TLS begins later/)
  const http = await startTcp(t, socket =>
    socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')),
  )
  failedWith(t, await probe(t, http), /^it answers, but not in TLS/)
})

test('a server that closes at once, or when it is greeted', async t => {
  const sentence = /^it closed the connection within the handshake, and did not say why$/
  failedWith(t, await probe(t, await startTcp(t, socket => socket.end())), sentence)
  const resetting = await startTcp(t, socket => socket.resetAndDestroy())
  failedWith(
    t,
    await probe(t, resetting),
    /^it (closed the connection within|breaks connections off as soon as)/,
  )
  const greeted = await startTcp(t, socket => socket.once('data', () => socket.destroy()))
  failedWith(t, await probe(t, greeted), sentence)
})

test('a certificate of an unknown authority, for another name, or that has expired', async t => {
  const { port, ca } = await startServer(t)
  const unknown = await probe(t, { port })
  failedWith(t, unknown, /^its certificate is not trusted, .+ \([A-Z_]+\); --ca tells whom to trust/)
  t.is(unknown.contacts.length, 1)
  const other = await probe(t, { port, ca }, '--servername', 'other.example')
  failedWith(
    t,
    other,
    /^its certificate is for another name \(Host: other\.example\..+\); --servername tells/,
  )
  const { issue } = await testAuthority()
  const day = 86_400_000
  const old = await issue({
    usage: 'server',
    commonName: 'localhost',
    notBefore: new Date(Date.now() - 2 * day),
    notAfter: new Date(Date.now() - day),
  })
  const expired = await probe(t, await startServer(t, old))
  failedWith(t, expired, /^its certificate is not trusted, certificate has expired \(CERT_HAS_EXPIRED\)/)
})

for (const [version, sentence] of [
  ['1.3', /^it demands a client certificate; --cert and --key give one$/],
  ['1.2', /^it refuses the (handshake|client certificate).+; --cert and --key give one$/],
] as const) {
  test(`a server that demands a client certificate, with TLS ${version}; given one, it is probed`, async t => {
    const { cert: ca, issue } = await testAuthority()
    const server = await startServer(t, { requestCert: true, rejectUnauthorized: true, ca: [ca] })
    failedWith(t, await probe(t, server, '--tls', version), sentence)
    const client = await issue({ usage: 'client', commonName: 'client' })
    const [cert, key] = [await fileWith(t, client.cert), await fileWith(t, client.key)]
    const probed = await probe(t, server, '--tls', version, '--cert', cert, '--key', key)
    t.is(probed.error, null as never)
    t.true(probed.resumes)
    t.is(probed.code, 0)
  })
}

test('a version of TLS that the server does not speak, where it is asked for that one alone', async t => {
  const old = await startServer(t, { maxVersion: 'TLSv1.2' })
  failedWith(t, await probe(t, old, '--tls', '1.3'), /^it does not speak this version of TLS$/)
})

test('a protocol that the server does not speak', async t => {
  const server = await startServer(t, { ALPNProtocols: ['h2'] })
  failedWith(t, await probe(t, server, '--alpn', 'mqtt'), /^it speaks none of the protocols offered; --alpn/)
})

test('a failure of one peer of several is what the command ends with, and the others are probed', async t => {
  const { port, ca } = await startServer(t)
  const peers = [`localhost:${await freePort()}`, `localhost:${port}`]
  const { code, stdout } = await tlsResumption(
    'probe',
    ...peers,
    '--ca',
    await fileWith(t, ca),
    '--tries',
    '0',
  )
  t.is(code, 3)
  t.regex(stdout, /could not be probed: nothing listens there/)
  t.regex(stdout, /resumes; 2 tickets/)
})

test('every stage that can take too long, and every error there is no sentence for, has one', t => {
  for (const stage of ['resolving', 'connecting', 'starttls', 'handshake', 'afterwards'] as const) {
    t.regex(tooLate(stage, 1500).message, /within 1\.5 s/)
    const failure = explain(Object.assign(new Error('what is this'), { code: 'EWHAT' }), stage)
    t.true(failure instanceof Failure)
    t.regex(failure.message, /^it [a-z ]+|^the handshake failed: what is this \(EWHAT\)$/)
    t.is(failure.stage, stage)
  }
  for (const code of [
    'EHOSTUNREACH',
    'ENETUNREACH',
    'EADDRNOTAVAIL',
    'EACCES',
    'EPERM',
    'ETIMEDOUT',
    'EAI_AGAIN',
  ]) {
    t.notRegex(explain(Object.assign(new Error(), { code }), 'connecting').message, /cannot be reached/)
  }
})

test('alerts are known by the names that OpenSSL had for them and has now', t => {
  for (const [code, alert] of [
    ['ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE', 'HANDSHAKE_FAILURE'],
    ['ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE', 'HANDSHAKE_FAILURE'],
    ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', 'CERTIFICATE_REQUIRED'],
    ['ERR_SSL_TLSV1_UNRECOGNIZED_NAME', 'UNRECOGNIZED_NAME'],
    ['ERR_SSL_WRONG_VERSION_NUMBER', undefined],
    ['ECONNRESET', undefined],
  ] as const) {
    t.is(alertOf(code), alert)
  }
})

test('what a peer says cannot give orders to the terminal', t => {
  const error = Object.assign(new Error('\u001b[2J\u009b2J'), { code: 'ERR_SSL_WHATEVER' })
  t.is(explain(error, 'handshake').message, 'the handshake failed: ?[2J?2J (ERR_SSL_WHATEVER)')
})
