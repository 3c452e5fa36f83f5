/** One peer has one endpoint, however its name is spelled and whether it is reached by options or over a socket. */
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import net, { type LookupFunction } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Duplex } from 'node:stream'
import tls from 'node:tls'
import test, { type ExecutionContext } from 'ava'
import fc from 'fast-check'
import { canonicalName, formatPeerLabel, readEndpoint } from '../../dist/key/endpoint.js'
import { startServer } from '../support/server.ts'

/** Spellings of one host each; the canonical one comes first. */
const SPELLINGS = [
  ['db.example', 'DB.example', 'db.example.', 'DB.EXAMPLE.'],
  ['localhost', 'LocalHost', 'localhost.'],
  [
    'xn--bcher-kva.example',
    'bücher.example',
    'BÜCHER.example.',
    'XN--bcher-KVA.example',
    'bu\u0308cher.example',
  ],
  ['a_b.example', 'A_b.example'],
  ['127.0.0.1', '::ffff:127.0.0.1', '::FFFF:7f00:1', '[::ffff:127.0.0.1]', '0:0:0:0:0:ffff:127.0.0.1'],
  ['::1', '[::1]', '0:0:0:0:0:0:0:1', '::0001'],
  ['2001:db8::1', '2001:DB8:0:0::1', '[2001:db8::0001]'],
  ['fe80::1%eth0', 'FE80:0::1%eth0', '[fe80::1%eth0]'],
  ['/run/Peer.sock'],
  [String.raw`\\.\pipe\Peer`],
] as const

for (const [canonical, ...others] of SPELLINGS) {
  test(`endpoint: ${canonical} has one spelling`, t => {
    for (const spelling of [canonical, ...others]) t.is(canonicalName(spelling), canonical, spelling)
  })
}

test('endpoint: no two hosts have one spelling', t => {
  const names = SPELLINGS.map(([canonical]) => canonical)
  t.is(new Set(names.map(canonicalName)).size, names.length)
  for (const [one, other] of [
    ['fe80::1%eth0', 'fe80::1%eth1'],
    ['::ffff:127.0.0.1', '::fffe:127.0.0.1'],
    ['user@db.example', 'db.example'],
    ['bücher.example', 'bucher.example'],
  ] as const) {
    t.not(canonicalName(one), canonicalName(other))
  }
})

test('endpoint: a canonical name is its own canonical name, whatever the text', t => {
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc.string({
      unit: fc.constantFrom('a', 'Z', '.', ':', '%', '[', ']', '0', 'f', 'ü', '。', '@', '/', '\0'),
    }),
    fc.ipV6(),
    fc.domain(),
  )
  t.notThrows(() =>
    fc.assert(
      fc.property(text, name => canonicalName(canonicalName(name)) === canonicalName(name)),
      { numRuns: 5000 },
    ),
  )
})

test('endpoint: names, ports and label of options', t => {
  t.deepEqual(readEndpoint({ host: 'DB.example.', port: '05432' as never, servername: 'Other.example' }), {
    address: ['tcp', 'db.example', '5432'],
    names: ['db.example', 'other.example'],
    ports: ['5432'],
    isAnonymous: false,
  })
  t.deepEqual(readEndpoint({ path: '/run/Peer.sock', host: 'DB.example' }), {
    address: ['unix', '/run/Peer.sock'],
    names: ['/run/Peer.sock', 'db.example'],
    ports: [],
    isAnonymous: false,
  })
  t.is(formatPeerLabel(readEndpoint({ host: '::FFFF:192.0.2.1', port: 443 })), 'tcp:192.0.2.1:443')
  t.is(formatPeerLabel(readEndpoint({ port: 443 })), 'tcp:localhost:443')
})

const toLoopback = ((_host, options, done) =>
  options.all
    ? done(null, [{ address: '127.0.0.1', family: 4 }])
    : done(null, '127.0.0.1', 4)) as LookupFunction

async function connectTo(t: ExecutionContext, options: net.NetConnectOpts): Promise<net.Socket> {
  const socket = net.connect(options)
  t.teardown(() => socket.destroy())
  await once(socket, 'connect')
  return socket
}

test('endpoint: a connected socket leads to its address, its port and its host', async t => {
  const { port } = await startServer(t)
  const socket = await connectTo(t, { host: 'Peer.example', port, lookup: toLoopback })
  t.deepEqual(readEndpoint({ socket }), {
    address: ['over-tcp', '127.0.0.1', `${port}`, '', ''],
    names: ['peer.example', '127.0.0.1'],
    ports: [`${port}`],
    isAnonymous: false,
  })
  const inTunnel = readEndpoint({ socket, host: 'Origin.example', port: 443 })
  t.deepEqual(inTunnel.address, ['over-tcp', '127.0.0.1', `${port}`, 'origin.example', '443'])
  t.deepEqual(inTunnel.ports, ['443', `${port}`])
  t.deepEqual(inTunnel.names, ['origin.example', 'peer.example', '127.0.0.1'])
})

test('endpoint: sockets over IPv4, and over IPv6 to the same address, lead to one', async t => {
  const server = net.createServer(socket => socket.resume()).listen(0, '::')
  t.teardown(() => server.close())
  await once(server, 'listening').catch(() => {})
  const { port } = server.address() as net.AddressInfo
  const mapped = await connectTo(t, { host: '::ffff:127.0.0.1', port, family: 6 })
  const plain = await connectTo(t, { host: '127.0.0.1', port })
  t.not(mapped.remoteAddress, undefined)
  t.deepEqual(readEndpoint({ socket: mapped }).address, readEndpoint({ socket: plain }).address)
})

test('endpoint: a connected unix socket, and a stream, lead to what the options name', async t => {
  const directory = mkdtempSync(join(tmpdir(), 'tls-resumption-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  const path = join(directory, 'socket')
  const server = net.createServer().listen(path)
  t.teardown(() => server.close())
  await once(server, 'listening')
  const unix = await connectTo(t, { path })
  const stream = new Duplex({ read() {}, write() {} })
  for (const socket of [unix, stream]) {
    t.true(readEndpoint({ socket }).isAnonymous)
    const named = readEndpoint({ socket, servername: 'db.example' })
    t.false(named.isAnonymous)
    t.deepEqual(named.names, ['db.example'])
    t.deepEqual(named.ports, [])
  }
})

test('endpoint: a TLS socket leads to where its transport leads', async t => {
  const { port, ca } = await startServer(t)
  const secure = tls.connect({ host: '127.0.0.1', port, ca, servername: 'localhost' })
  t.teardown(() => secure.destroy())
  await once(secure, 'secureConnect')
  t.deepEqual(readEndpoint({ socket: secure }).address, ['over-tls', '127.0.0.1', `${port}`, '', ''])
})
