/** The findings of the probe about servers of known behaviour. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import net, { type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import test, { type ExecutionContext } from 'ava'
import { resumeSessions, SessionCache, TicketKeys } from 'tls-resumption'
import type { Contact, Elsewhere } from '../../dist/probe/findings.js'
import { HandshakeReader } from '../../e2e/drivers/handshake.ts'
import { fileWith, probe, tlsResumption } from '../support/cli.ts'
import { SSL_OP_NO_TICKET, startServer, testAuthority } from '../support/server.ts'
import { startPeer } from '../support/strict-peer.ts'
import { runNode } from '../workers/spawn.ts'

const ONLY_FIRST = 'only the first connection is a full handshake'

test('probe: two tickets that are not renewed, from a server of Node', async t => {
  const server = await startServer(t)
  const { tls13, tls12, verdict, code, contacts } = await probe(t, server)
  t.like(tls13, {
    resumes: true,
    by: 'ticket',
    sessions: 2,
    renewed: 0,
    reuse: 'resumed',
    lifetimeHintSeconds: 7200,
  })
  t.like(tls12, { resumes: true, by: 'ticket', byIdToo: false, sessions: 1, renewed: 0, reuse: 'resumed' })
  t.is(verdict, 'resumes; 2 tickets, not renewed: with single use every third connection is a full handshake')
  t.is(code, 0)
  const resumed = contacts.filter(contact => contact.resumed).length
  t.deepEqual(
    server.handshakes,
    { full: contacts.length - resumed, resumed },
    'the server counts the same handshakes',
  )
})

test('probe: tickets that are renewed at each resumption', async t => {
  const server = await startServer(t)
  new TicketKeys().attach(server.server)
  const { tls13, verdict } = await probe(t, server, '--tls', '1.3')
  t.is(tls13?.renewed, 1)
  t.is(verdict, `only TLS 1.3: resumes; 2 tickets, renewed at each resumption: ${ONLY_FIRST}`)
})

test('probe: session IDs in TLS 1.2 and no resumption in TLS 1.3', async t => {
  const server = await startServer(t, { secureOptions: SSL_OP_NO_TICKET })
  resumeSessions(server.server, { sessionCache: new SessionCache() })
  const { tls13, tls12, verdict, code } = await probe(t, server)
  t.like(tls12, {
    resumes: true,
    by: 'session-id',
    sizeBytes: 32,
    lifetimeHintSeconds: null,
    reuse: 'resumed',
  })
  t.false(tls13?.resumes)
  t.regex(verdict, /^does not resume: it sends (no tickets|tickets and accepts none of them); TLS 1\.2 does$/)
  t.is(code, 1, 'clients negotiate TLS 1.3')
  const ids = await probe(t, server, '--tls', '1.2')
  t.is(ids.verdict, `only TLS 1.2: resumes; a session ID, accepted repeatedly: ${ONLY_FIRST}`)
  t.is(ids.code, 0)
})

test('probe: tickets of TLS 1.2, and session IDs for clients without tickets', async t => {
  const server = await startServer(t)
  resumeSessions(server.server, { sessionCache: new SessionCache() })
  const { tls12 } = await probe(t, server, '--tls', '1.2')
  t.like(tls12, { resumes: true, by: 'ticket', byIdToo: true })
})

test('probe: a server that sends no session', async t => {
  const server = await startServer(t, { secureOptions: SSL_OP_NO_TICKET, maxVersion: 'TLSv1.2' })
  server.server.removeAllListeners('newSession')
  const { tls12, notSpoken, verdict, code } = await probe(t, server)
  t.like(tls12, { resumes: false, by: 'session-id', refusal: 'refused' })
  t.deepEqual(notSpoken, [{ version: 'TLSv1.3', error: 'it does not support this version of TLS' }])
  t.is(verdict, 'only TLS 1.2: does not resume: it sends sessions and accepts none of them')
  t.is(code, 1)
  const silent = await probe(t, await startPeer(t, '--tickets', '0', '--version', '1.3'))
  t.like(silent.tls13, { resumes: false, refusal: 'no-session', by: null })
  t.is(silent.verdict, 'only TLS 1.3: does not resume: it sends no tickets')
  t.is(silent.code, 1)
})

test('probe: tickets that are accepted once', async t => {
  const { tls13, tls12, verdict } = await probe(t, await startPeer(t))
  t.like(tls13, { resumes: true, sessions: 2, renewed: 2, reuse: 'full', taken: { offered: 2, resumed: 2 } })
  t.is(tls12?.reuse, 'full')
  t.is(verdict, `resumes; 2 tickets, each accepted once, renewed at each resumption: ${ONLY_FIRST}`)
})

test('probe: tickets that arrive only with the response or at the end', async t => {
  const { tls13 } = await probe(t, await startPeer(t, '--late', '--version', '1.3'))
  t.like(tls13, { resumes: true, sessions: 2 })
  const http = await startPeer(t, '--late', '--http', '--version', '1.3', '--alpn', 'http/1.1')
  t.like((await probe(t, http, '--alpn', 'http/1.1')).tls13, { resumes: true, sessions: 2, alpn: 'http/1.1' })
})

test('probe: tickets that are never accepted', async t => {
  const { verdict, tls13, code } = await probe(t, await startPeer(t, '--refuse'))
  t.like(tls13, { refusal: 'refused', taken: { offered: 3, resumed: 0 } })
  t.is(verdict, 'does not resume: it sends tickets and accepts none of them')
  t.is(code, 1)
})

test('probe: tickets with a lifetime of 0 are not offered', async t => {
  const peer = await startPeer(t, '--lifetime', '0', '--version', '1.3')
  const { verdict, contacts, code } = await probe(t, peer)
  t.is(
    verdict,
    'only TLS 1.3: does not resume: its tickets have a lifetime of 0, so clients must not use them',
  )
  t.false(contacts.some(({ offered }) => offered))
  t.is(code, 1)
})

for (const [what, sentence] of [
  ['close', 'it closed the connection during the handshake without an alert'],
  ['alert', 'it rejects the handshake: .+'],
  ['hang', 'it accepted the connection but did not finish the handshake within 2 s.+'],
] as const) {
  test(`probe: a peer that fails when a session is offered: ${what}`, async t => {
    const peer = await startPeer(t, '--when-offered', what, '--version', '1.3')
    const { verdict, tls13, code } = await probe(t, peer, '--timeout', what === 'hang' ? '2' : '20')
    t.like(tls13, { resumes: false, refusal: 'breaks' })
    const exclusion = `exclude it by TLS_RESUMPTION_EXCLUDE=localhost:${peer.port}`
    t.regex(
      verdict,
      new RegExp(`^only TLS 1.3: fails when a session is offered \\(${sentence}\\): ${exclusion}$`),
    )
    t.is(code, 1)
  })
}

/** Returns true if a server of this Node.js accepts a session of one name under another, by a client that checks nothing. */
async function resumesUnderOtherName({ port }: { port: number }): Promise<boolean> {
  const directory = mkdtempSync(join(tmpdir(), 'probe-'))
  const file = join(directory, 'session')
  const visit = async (...more: string[]) => {
    const client = spawn('openssl', ['s_client', '-connect', `127.0.0.1:${port}`, '-tls1_2', ...more])
    client.stdin.end()
    return text(client.stdout)
  }
  await visit('-servername', 'localhost', '-sess_out', file)
  const output = await visit('-servername', 'other.example', '-sess_in', file)
  rmSync(directory, { recursive: true })
  return /^Reused, /m.test(output)
}

test('probe: sessions that are or are not bound to the server name', async t => {
  const names: unknown[] = []
  const server = await startServer(t)
  server.server.on('secureConnection', socket => names.push((socket as { servername?: unknown }).servername))
  const { tls13, tls12, contacts } = await probe(t, server, '--other-servername', 'other.example')
  const other = contacts.findIndex(({ purpose }) => purpose === 'servername')
  t.is(names[other], 'other.example')
  const last = names.lastIndexOf('other.example')
  const isAccepted = await resumesUnderOtherName(server)
  for (const found of [tls13, tls12]) {
    t.deepEqual(found?.underOtherName, { outcome: isAccepted ? 'resumed' : 'full' } as Elsewhere)
  }
  // A TLS 1.2 server of Node does not expose the name of a resuming client.
  t.is(last === other, isAccepted)
  const bound = await probe(t, await startPeer(t))
  t.deepEqual(bound.tls13?.underOtherName, { outcome: 'full' } satisfies Elsewhere)
})

test('probe: the connection under another name has no client certificate', async t => {
  const { cert: ca, issue } = await testAuthority()
  const client = await issue({ usage: 'client', commonName: 'client' })
  const [cert, key] = [await fileWith(t, client.cert), await fileWith(t, client.key)]
  const peer = await startPeer(t, '--ca', await fileWith(t, ca))
  const { tls13, tls12, contacts } = await probe(t, peer, '--cert', cert, '--key', key)
  t.deepEqual(tls13?.underOtherName, { outcome: 'full' })
  t.like(tls12?.underOtherName, { outcome: 'failed' })
  const said = await peer.hears(contacts.length)
  t.deepEqual(
    said.map(({ client, error }) => client === true && error === undefined),
    contacts.map(({ purpose }) => purpose !== 'servername'),
  )
})

test('probe: sessions that are or are not bound to the ALPN protocol', async t => {
  const server = await startServer(t, { ALPNProtocols: ['h2', 'http/1.1'] })
  const { tls13 } = await probe(t, server, '--alpn', 'http/1.1,h2', '--tls', '1.3')
  t.like(tls13, { alpn: 'http/1.1', underOtherAlpn: { outcome: 'resumed' } })
  const only = await startServer(t, { ALPNProtocols: ['http/1.1'] })
  const { tls13: other } = await probe(t, only, '--alpn', 'http/1.1,h2', '--tls', '1.3')
  t.deepEqual(other?.underOtherAlpn, {
    outcome: 'failed',
    error: 'it supports none of the offered protocols; pass others by --alpn',
  })
})

/** Starts a proxy that forwards connections to one port after the other. */
async function startBalancer(t: ExecutionContext, host: string, port: number, to: number[]): Promise<number> {
  let next = 0
  const balancer = net.createServer(client => {
    const server = net.connect(to[next++ % to.length] ?? 0, '127.0.0.1')
    client.pipe(server).pipe(client)
    client.on('error', () => server.destroy())
    server.on('error', () => client.destroy())
  })
  t.teardown(() => balancer.close())
  balancer.listen(port, host)
  await once(balancer, 'listening')
  return (balancer.address() as AddressInfo).port
}

// Only Linux has all addresses of 127.0.0.0/8 without configuration.
const onLinux = process.platform === 'linux' ? test : test.skip

onLinux('probe: sessions at the other addresses of a name', async t => {
  const ticketKeys = Buffer.from(Array.from({ length: 48 }, (_, index) => index))
  const [one, same, other] = [
    await startServer(t, { ticketKeys, sessionIdContext: 'here' }),
    await startServer(t, { ticketKeys, sessionIdContext: 'here' }),
    await startServer(t, { sessionIdContext: 'here' }),
  ]
  const port = await startBalancer(t, '127.0.0.1', 0, [one.port])
  await startBalancer(t, '127.0.0.2', port, [same.port])
  await startBalancer(t, '127.0.0.3', port, [other.port])
  const addresses = ['--address', '127.0.0.1,127.0.0.2,127.0.0.3,127.0.0.4']
  const { tls13, code } = await probe(t, { port, ca: one.ca }, '--tls', '1.3', ...addresses)
  t.deepEqual(tls13?.atOtherAddresses, [
    { address: '127.0.0.2', outcome: 'resumed' },
    { address: '127.0.0.3', outcome: 'full' },
    { address: '127.0.0.4', outcome: 'failed', error: 'nothing listens there: the connection was refused' },
  ])
  t.is(code, 0)
  const fallback = await probe(t, { port, ca: one.ca }, '--tls', '1.3', '--address', '127.0.0.4,127.0.0.2')
  t.is(fallback.address, '127.0.0.2', 'the first address that answers is probed')
})

test('probe: several servers behind one address that share no keys', async t => {
  const servers = [await startServer(t), await startServer(t)]
  const port = await startBalancer(
    t,
    '127.0.0.1',
    0,
    [0, 1, 1].map(index => servers[index]?.port ?? 0),
  )
  const { verdict } = await probe(t, { port, ca: servers[0]?.ca ?? '' }, '--tls', '1.3', '--tries', '4')
  t.regex(verdict, /^only TLS 1\.3: resumes sometimes: it accepted \d of \d unused sessions; several servers/)
})

test('probe: a peer that disappears during the examination', async t => {
  const { port, ca } = await startServer(t)
  for (const [last, left] of [
    [2, undefined],
    [6, true],
  ] as const) {
    let count = 0
    const closing = net.createServer(client => {
      if (count++ >= last) return void client.destroy()
      const server = net.connect(port, '127.0.0.1')
      client.pipe(server).pipe(client)
      for (const socket of [client, server]) socket.on('error', () => {})
    })
    t.teardown(() => closing.close())
    closing.listen(0, '127.0.0.1')
    await once(closing, 'listening')
    const through = { port: (closing.address() as AddressInfo).port, ca }
    const { resumes, tls13, error, code } = await probe(t, through, '--tls', '1.3', '--tries', '3')
    t.is(resumes ?? undefined, left)
    const sentence = left ? tls13?.incomplete : error?.message
    t.regex(
      sentence ?? '',
      left ? /^it closed the connection/ : /^after a full handshake, it closed the connection/,
    )
    t.is(code, left ? 0 : 3)
  }
})

test('probe: tls-resumption/auto in NODE_OPTIONS does not change the findings', async t => {
  const { port, ca } = await startServer(t)
  const command = ['probe', `localhost:${port}`, '--ca', await fileWith(t, ca), '--tries', '2', '--json']
  const { stdout } = await runNode(['--import', './dist/auto.js', 'dist/cli.js', ...command])
  const [{ contacts }] = JSON.parse(stdout).peers as [{ contacts: Contact[] }]
  t.true(contacts.length > 10)
  t.deepEqual(
    contacts.filter(({ offered, resumed }) => resumed && !offered),
    [],
  )
})

test('probe: --insecure probes an untrusted peer and says what that means', async t => {
  const { port } = await startServer(t)
  const { notes, resumes } = await probe(t, { port }, '--insecure')
  t.true(resumes)
  t.regex(notes.join(), /^The peer was not verified \(--insecure\)/)
})

test('probe: timings are medians with a range over the requested number of handshakes', async t => {
  const { tls13, contacts } = await probe(t, await startServer(t), '--tries', '3', '--tls', '1.3')
  const timed = contacts.filter(({ purpose }) => purpose === 'timing')
  for (const kind of ['full', 'resumed'] as const) {
    const times = timed.filter(({ resumed }) => resumed === (kind === 'resumed'))
    const [least, median, largest] = times.map(({ handshakeMs }) => handshakeMs ?? 0).sort((a, b) => a - b)
    t.deepEqual(tls13?.timing?.[kind].handshakeMs, { median, least, largest } as never)
  }
  const { full, resumed, savedPerThousand } = tls13?.timing ?? t.fail()
  t.is(savedPerThousand.cpuSeconds, full.cpuMs.median - resumed.cpuMs.median)
  t.is((await probe(t, await startServer(t), '--tries', '0')).tls13?.timing, null as never)
})

test('probe: the output is a table without colours and progress if it is no terminal', async t => {
  const { port, ca } = await startServer(t)
  const isAccepted = await resumesUnderOtherName({ port })
  const args = ['probe', `localhost:${port}`, '--ca', await fileWith(t, ca), '--tries', '2']
  const { code, stdout, stderr } = await tlsResumption(...args)
  t.is(code, 0)
  t.is(stderr, '')
  t.false(stdout.includes('\u001b'))
  const [head = '', versions = '', ...rows] = stdout.split('\n')
  t.regex(head, new RegExp(`^localhost:${port}  (127\\.0\\.0\\.1|::1)$`))
  t.regex(versions, /^ +TLS 1\.3 +TLS 1\.2$/)
  for (const row of [
    /^ {2}resumes +by ticket +by ticket$/,
    /^ {2}sessions of a full handshake +2, \d+ bytes +1, \d+ bytes$/,
    /^ {2}sessions of a resumed handshake +0, not renewed +0, not renewed$/,
    /^ {2}lifetime hint +7200 s \(2 h\) +7200 s \(2 h\)$/,
    /^ {2}offered a second time +accepted again +accepted again$/,
    isAccepted
      ? /^ {2}under another server name +accepted: not bound +accepted: not bound$/
      : /^ {2}under another server name +rejected: bound +rejected: bound$/,
    /^ {2}full handshake +[\d.]+ ms \([\d.]+-[\d.]+\) +[\d.]+ ms \([\d.]+-[\d.]+\)$/,
    /^ {2}saved in 1000 connections +(?:-?[\d.]+ s of|no measurable difference)/,
    /^ {2}resumes; 2 tickets, not renewed: with single use every third connection is a full handshake\.$/,
    /^ {2}\d+ connections, one after the other\.$/,
  ]) {
    t.true(
      rows.some(line => row.test(line)),
      String(row),
    )
  }
})

test('probe: the reported connections equal those on the wire', async t => {
  const { port, ca } = await startServer(t)
  const readers: HandshakeReader[] = []
  const tap = net.createServer(client => {
    const server = net.connect(port, '127.0.0.1')
    const reader = new HandshakeReader()
    readers.push(reader)
    client.on('data', chunk => reader.fromClient(chunk as Buffer)).pipe(server)
    server.on('data', chunk => reader.fromServer(chunk as Buffer)).pipe(client)
    for (const socket of [client, server]) socket.on('error', () => {})
  })
  t.teardown(() => tap.close())
  tap.listen(0, '127.0.0.1')
  await once(tap, 'listening')
  const { contacts } = await probe(t, { port: (tap.address() as AddressInfo).port, ca })
  t.deepEqual(
    readers.map(({ result }) => result),
    contacts.map(({ version, offered, resumed }) => ({ protocol: version, offered, resumed })),
  )
})
