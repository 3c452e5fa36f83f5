/** Peers that cannot be probed: each failure is a sentence, and the exit code is 3. */
import { once } from 'node:events'
import net, { type AddressInfo, type Socket } from 'node:net'
import test, { type ExecutionContext } from 'ava'
import { alertOf, explain, Failure, timedOut } from '../../dist/probe/failures.js'
import { freePort } from '../../e2e/drivers/processes.ts'
import { fileWith, type Probed, probe, tlsResumption } from '../support/cli.ts'
import { startServer, testAuthority } from '../support/server.ts'

/** Starts a TCP server without TLS and returns its port. */
async function startTcp(
  t: ExecutionContext,
  onConnection: (socket: Socket) => void,
): Promise<{ port: number }> {
  const sockets = new Set<Socket>()
  const server = net.createServer(socket => {
    sockets.add(socket)
    socket.on('error', () => {})
    onConnection(socket)
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

test('probe: a host name that does not exist is reported', async t => {
  const { code, stdout, stderr } = await tlsResumption('probe', 'no-such-host.invalid', '--json')
  // Without a network no name server answers.
  t.regex(
    JSON.parse(stdout).peers[0].error.message,
    /^(no host has this name|the name cannot be resolved now: no name server answers)$/,
  )
  t.is(stderr, '')
  t.is(code, 3)
})

test('probe: a port without a listener is reported after one connection', async t => {
  const probed = await probe(t, { port: await freePort() })
  failedWith(t, probed, /^nothing listens there: the connection was refused$/)
  t.is(probed.contacts.length, 1)
})

test('probe: a silent server is reported after the timeout', async t => {
  const probed = await probe(t, await startTcp(t, () => {}), '--timeout', '0.5')
  failedWith(t, probed, /^it accepted the connection but did not finish the handshake within 0\.5 s/)
})

test('probe: a server of another protocol is reported', async t => {
  const ssh = await startTcp(t, socket => socket.write('SSH-2.0-OpenSSH_9.2\r\n'))
  failedWith(t, await probe(t, ssh), /^it answers, but not in TLS; if the protocol negotiates TLS/)
  const http = await startTcp(t, socket =>
    socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')),
  )
  failedWith(t, await probe(t, http), /^it answers, but not in TLS/)
})

test('probe: a server that closes at once or after the ClientHello is reported', async t => {
  const sentence = /^it closed the connection during the handshake without an alert$/
  failedWith(t, await probe(t, await startTcp(t, socket => socket.end())), sentence)
  const resetting = await startTcp(t, socket => socket.resetAndDestroy())
  failedWith(t, await probe(t, resetting), /^it (closed the connection during|resets connections as soon as)/)
  const afterHello = await startTcp(t, socket => socket.once('data', () => socket.destroy()))
  failedWith(t, await probe(t, afterHello), sentence)
})

test('probe: a certificate of an unknown authority, for another name or expired is rejected', async t => {
  const { port, ca } = await startServer(t)
  const unknown = await probe(t, { port })
  failedWith(t, unknown, /^its certificate is not trusted, .+ \([A-Z_]+\); pass the authority by --ca/)
  t.is(unknown.contacts.length, 1)
  const other = await probe(t, { port, ca }, '--servername', 'other.example')
  failedWith(
    t,
    other,
    /^its certificate is for another name \(Host: other\.example\..+\); pass the expected name by --servername/,
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
  ['1.3', /^it requires a client certificate; pass one by --cert and --key$/],
  ['1.2', /^it rejects the (handshake|client certificate).+; pass one by --cert and --key$/],
] as const) {
  test(`probe: a server with TLS ${version} that requires a client certificate is probed only with one`, async t => {
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

test('probe: the only requested version of TLS is reported if the server does not support it', async t => {
  const old = await startServer(t, { maxVersion: 'TLSv1.2' })
  failedWith(t, await probe(t, old, '--tls', '1.3'), /^it does not support this version of TLS$/)
})

test('probe: an ALPN protocol that the server does not support is reported', async t => {
  const server = await startServer(t, { ALPNProtocols: ['h2'] })
  failedWith(
    t,
    await probe(t, server, '--alpn', 'mqtt'),
    /^it supports none of the offered protocols; pass others by --alpn/,
  )
})

test('probe: one failed peer of several decides the exit code, and the others are probed', async t => {
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

test('probe: every stage has a sentence for a timeout and for an unknown error', t => {
  for (const stage of ['resolving', 'connecting', 'starttls', 'handshake', 'afterwards'] as const) {
    t.regex(timedOut(stage, 1500).message, /within 1\.5 s/)
    const failure = explain(Object.assign(new Error('unknown'), { code: 'EUNKNOWN' }), stage)
    t.true(failure instanceof Failure)
    t.regex(failure.message, /^it [a-z ]+|^the handshake failed: unknown \(EUNKNOWN\)$/)
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

test('probe: alerts are recognized by the old and the new names of OpenSSL', t => {
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

test('probe: control characters from a peer do not reach the terminal', t => {
  const error = Object.assign(new Error('\u001b[2J\u009b2J'), { code: 'ERR_SSL_WHATEVER' })
  t.is(explain(error, 'handshake').message, 'the handshake failed: ?[2J?2J (ERR_SSL_WHATEVER)')
})
