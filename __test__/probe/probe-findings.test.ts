/** What the probe says of servers that are known to do this or that. */
import { once } from 'node:events'
import net, { type AddressInfo } from 'node:net'
import test, { type ExecutionContext } from 'ava'
import { resumeSessions, SessionCache, TicketKeys } from 'tls-resumption'
import type { Contact, Elsewhere } from '../../dist/probe/findings.js'
import { HandshakeReader } from '../../e2e/drivers/handshake.ts'
import { fileWith, probe, tlsResumption } from '../support/cli.ts'
import { SSL_OP_NO_TICKET, startServer, testAuthority } from '../support/server.ts'
import { startPeer } from '../support/strict-peer.ts'
import { runNode } from '../workers/spawn.ts'

const ONLY_FIRST = 'only the first connection need be full'

test('two tickets, not renewed: what Node’s servers do', async t => {
  const server = await startServer(t)
  const { tls13, tls12, verdict, code, contacts } = await probe(t, server)
  t.like(tls13, {
    resumes: true,
    by: 'ticket',
    sessions: 2,
    renewed: 0,
    reuse: 'resumed',
    lifetimeHint: 7200,
  })
  t.like(tls12, { resumes: true, by: 'ticket', byIdToo: false, sessions: 1, renewed: 0, reuse: 'resumed' })
  t.is(verdict, 'resumes; 2 tickets, not renewed: with single use every third connection is full')
  t.is(code, 0)
  const resumed = contacts.filter(contact => contact.resumed).length
  t.deepEqual(server.handshakes, { full: contacts.length - resumed, resumed }, 'the server counts the same')
})

test('tickets that each resumption renews', async t => {
  const server = await startServer(t)
  new TicketKeys().attach(server.server)
  const { tls13, verdict } = await probe(t, server, '--tls', '1.3')
  t.is(tls13?.renewed, 1)
  t.is(verdict, `TLS 1.3 alone: resumes; 2 tickets, renewed by each resumption: ${ONLY_FIRST}`)
})

test('session ids, and a newest version that does not resume as the others do', async t => {
  const server = await startServer(t, { secureOptions: SSL_OP_NO_TICKET })
  resumeSessions(server.server, { sessionCache: new SessionCache() })
  const { tls13, tls12, verdict, code } = await probe(t, server)
  t.like(tls12, { resumes: true, by: 'session-id', size: 32, lifetimeHint: null, reuse: 'resumed' })
  t.false(tls13?.resumes)
  t.regex(
    verdict,
    /^does not resume: it hands out (no tickets|tickets, and takes none of them); TLS 1\.2 does$/,
  )
  t.is(code, 1, 'clients get TLS 1.3')
  const ids = await probe(t, server, '--tls', '1.2')
  t.is(ids.verdict, `TLS 1.2 alone: resumes; a session id, taken again and again: ${ONLY_FIRST}`)
  t.is(ids.code, 0)
})

test('tickets of TLS 1.2, and ids for clients that know none', async t => {
  const server = await startServer(t)
  resumeSessions(server.server, { sessionCache: new SessionCache() })
  const { tls12 } = await probe(t, server, '--tls', '1.2')
  t.like(tls12, { resumes: true, by: 'ticket', byIdToo: true })
})

test('a server that hands out nothing', async t => {
  const server = await startServer(t, { secureOptions: SSL_OP_NO_TICKET, maxVersion: 'TLSv1.2' })
  server.server.removeAllListeners('newSession')
  const { tls12, notSpoken, verdict, code } = await probe(t, server)
  t.like(tls12, { resumes: false, by: 'session-id', refusal: 'refused' })
  t.deepEqual(notSpoken, [{ version: 'TLSv1.3', error: 'it does not speak this version of TLS' }])
  t.is(verdict, 'TLS 1.2 alone: does not resume: it hands out sessions, and takes none of them')
  t.is(code, 1)
  const silent = await probe(t, await startPeer(t, '--tickets', '0', '--version', '1.3'))
  t.like(silent.tls13, { resumes: false, refusal: 'no-session', by: null })
  t.is(silent.verdict, 'TLS 1.3 alone: does not resume: it hands out no tickets')
  t.is(silent.code, 1)
})

test('tickets that are taken once', async t => {
  const { tls13, tls12, verdict } = await probe(t, await startPeer(t))
  t.like(tls13, { resumes: true, sessions: 2, renewed: 2, reuse: 'full', taken: { offered: 2, resumed: 2 } })
  t.is(tls12?.reuse, 'full')
  t.is(verdict, `resumes; 2 tickets, each taken once, renewed by each resumption: ${ONLY_FIRST}`)
})

test('tickets that come with the answer, or the end, alone', async t => {
  const { tls13 } = await probe(t, await startPeer(t, '--late', '--version', '1.3'))
  t.like(tls13, { resumes: true, sessions: 2 })
  const http = await startPeer(t, '--late', '--http', '--version', '1.3', '--alpn', 'http/1.1')
  t.like((await probe(t, http, '--alpn', 'http/1.1')).tls13, { resumes: true, sessions: 2, alpn: 'http/1.1' })
})

test('tickets that are never taken', async t => {
  const { verdict, tls13, code } = await probe(t, await startPeer(t, '--refuse'))
  t.like(tls13, { refusal: 'refused', taken: { offered: 3, resumed: 0 } })
  t.is(verdict, 'does not resume: it hands out tickets, and takes none of them')
  t.is(code, 1)
})

test('tickets with a lifetime of 0, which are not offered', async t => {
  const peer = await startPeer(t, '--lifetime', '0', '--version', '1.3')
  const { verdict, contacts, code } = await probe(t, peer)
  t.is(
    verdict,
    'TLS 1.3 alone: does not resume: its tickets have a lifetime of 0, so they are to be thrown away',
  )
  t.false(contacts.some(({ offered }) => offered))
  t.is(code, 1)
})

for (const [what, sentence] of [
  ['close', 'it closed the connection within the handshake, and did not say why'],
  ['alert', 'it refuses the handshake: .+'],
  ['hang', 'it took the connection and did not finish the handshake within 2 s.+'],
] as const) {
  test(`a peer that breaks when it is offered a session: ${what}`, async t => {
    const peer = await startPeer(t, '--when-offered', what, '--version', '1.3')
    const { verdict, tls13, code } = await probe(t, peer, '--timeout', what === 'hang' ? '2' : '20')
    t.like(tls13, { resumes: false, refusal: 'breaks' })
    const exclusion = `leave it alone, TLS_RESUMPTION_EXCLUDE=localhost:${peer.port}`
    t.regex(
      verdict,
      new RegExp(`^TLS 1.3 alone: breaks when a session is offered \\(${sentence}\\): ${exclusion}$`),
    )
    t.is(code, 1)
  })
}

test('whether sessions are bound to the server name, which nobody verifies for that', async t => {
  const names: unknown[] = []
  const server = await startServer(t)
  server.server.on('secureConnection', socket => names.push((socket as { servername?: unknown }).servername))
  const { tls13, tls12, contacts } = await probe(t, server, '--other-servername', 'other.example')
  for (const found of [tls13, tls12]) t.deepEqual(found?.underOtherName, { outcome: 'resumed' })
  // A server of TLS 1.2 does not tell the name of a client that resumes.
  const other = contacts.findIndex(({ purpose }) => purpose === 'servername')
  t.is(names[other], 'other.example')
  t.deepEqual(names.lastIndexOf('other.example'), other)
  const bound = await probe(t, await startPeer(t))
  t.deepEqual(bound.tls13?.underOtherName, { outcome: 'full' } satisfies Elsewhere)
})

test('whoever answers under another name is shown no client certificate', async t => {
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

test('whether they are bound to the protocol', async t => {
  const server = await startServer(t, { ALPNProtocols: ['h2', 'http/1.1'] })
  const { tls13 } = await probe(t, server, '--alpn', 'http/1.1,h2', '--tls', '1.3')
  t.like(tls13, { alpn: 'http/1.1', underOtherAlpn: { outcome: 'resumed' } })
  const only = await startServer(t, { ALPNProtocols: ['http/1.1'] })
  const { tls13: other } = await probe(t, only, '--alpn', 'http/1.1,h2', '--tls', '1.3')
  t.deepEqual(other?.underOtherAlpn, {
    outcome: 'failed',
    error: 'it speaks none of the protocols offered; --alpn tells others',
  })
})

/** Passes connections on, to one port after the other. */
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

// Only Linux has all of 127.0.0.0/8 without ado.
const onLinux = process.platform === 'linux' ? test : test.skip

onLinux('whether a session is good at the other addresses of a name', async t => {
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
  const gone = await probe(t, { port, ca: one.ca }, '--tls', '1.3', '--address', '127.0.0.4,127.0.0.2')
  t.is(gone.address, '127.0.0.2', 'the first that answers is probed')
})

test('several servers behind an address that share no keys', async t => {
  const servers = [await startServer(t), await startServer(t)]
  const port = await startBalancer(
    t,
    '127.0.0.1',
    0,
    [0, 1, 1].map(index => servers[index]?.port ?? 0),
  )
  const { verdict } = await probe(t, { port, ca: servers[0]?.ca ?? '' }, '--tls', '1.3', '--tries', '4')
  t.regex(verdict, /^TLS 1\.3 alone: resumes at times: it took \d of \d unused sessions, as several servers/)
})

test('a peer that is gone before all was tried', async t => {
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

test('what tls-resumption/auto would do, it leaves aside', async t => {
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

test('without --insecure nobody is called who is not trusted; with it, it says what that means', async t => {
  const { port } = await startServer(t)
  const { notes, resumes } = await probe(t, { port }, '--insecure')
  t.true(resumes)
  t.regex(notes.join(), /^Nobody was verified \(--insecure\)/)
})

test('timings are medians with their range, of as many handshakes as were asked for', async t => {
  const { tls13, contacts } = await probe(t, await startServer(t), '--tries', '3', '--tls', '1.3')
  const timed = contacts.filter(({ purpose }) => purpose === 'timing')
  for (const kind of ['full', 'resumed'] as const) {
    const times = timed.filter(({ resumed }) => resumed === (kind === 'resumed'))
    const [least, median, largest] = times
      .map(({ handshakeTime }) => handshakeTime ?? 0)
      .sort((a, b) => a - b)
    t.deepEqual(tls13?.timing?.[kind].handshake, { median, least, largest } as never)
  }
  const { full, resumed, savedPerThousand } = tls13?.timing ?? t.fail()
  t.is(savedPerThousand.cpu, full.cpu.median - resumed.cpu.median)
  t.is((await probe(t, await startServer(t), '--tries', '0')).tls13?.timing, null as never)
})

test('for people it is a table, without colours and progress where there is no terminal', async t => {
  const { port, ca } = await startServer(t)
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
    /^ {2}of a resumed one +0, not renewed +0, not renewed$/,
    /^ {2}lifetime the peer tells +7200 s \(2 h\) +7200 s \(2 h\)$/,
    /^ {2}offered once more +taken again +taken again$/,
    /^ {2}under another server name +taken: not bound +taken: not bound$/,
    /^ {2}full handshake +[\d.]+ ms \([\d.]+-[\d.]+\) +[\d.]+ ms \([\d.]+-[\d.]+\)$/,
    /^ {2}saved in 1000 connections +-?[\d.]+ s of CPU, -?[\d.]+ s of waiting +-?[\d.]+ s of CPU/,
    /^ {2}resumes; 2 tickets, not renewed: with single use every third connection is full\.$/,
    /^ {2}\d+ connections, one after the other\.$/,
  ]) {
    t.true(
      rows.some(line => row.test(line)),
      String(row),
    )
  }
})

test('what it says of each connection is what goes by', async t => {
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
