/** `include` and `exclude` mean a peer however a connection reaches it. One by one, since each test changes `tls.connect`. */
import { once } from 'node:events'
import net, { type LookupFunction } from 'node:net'
import tls from 'node:tls'
import test, { type ExecutionContext } from 'ava'
import { type InstallOptions, install, SessionCache, uninstall } from 'tls-resumption'
import { chooser } from '../../dist/auto/rollout.js'
import { finish, startServer, testAuthority } from '../support/server.ts'

const plain = tls.connect
test.afterEach.always(uninstall)

const toLoopback = ((_host, options, done) =>
  options.all
    ? done(null, [{ address: '127.0.0.1', family: 4 }])
    : done(null, '127.0.0.1', 4)) as LookupFunction

async function open(host: string, port: number): Promise<net.Socket> {
  const socket = net.connect({ host, port, lookup: toLoopback })
  await once(socket, 'connect')
  return socket
}

/** Ways to reach `localhost`. */
const DIALS: Record<string, (port: number) => Promise<tls.ConnectionOptions> | tls.ConnectionOptions> = {
  'host and port': port => ({ host: 'localhost', port, lookup: toLoopback }),
  'a connected socket and a host': async port => ({
    host: 'localhost',
    socket: await open('127.0.0.1', port),
  }),
  'a socket connected by name': async port => ({ socket: await open('localhost', port) }),
  'a socket connected by address and a server name': async port => ({
    servername: 'localhost',
    socket: await open('127.0.0.1', port),
  }),
}
/** Those that only an address leads to. */
const BY_ADDRESS: typeof DIALS = {
  'the address': port => ({ host: '127.0.0.1', port }),
  'a connected socket': async port => ({ socket: await open('127.0.0.1', port) }),
  'a connected socket and a server name': async port => ({
    servername: 'localhost',
    socket: await open('127.0.0.1', port),
  }),
}

/** How three connections in turn began. */
async function visit(
  t: ExecutionContext,
  dial: (typeof DIALS)[string],
  options: (port: number) => InstallOptions | undefined,
) {
  const { issue } = await testAuthority()
  const { port, ca } = await startServer(t, await issue({ commonName: 'localhost', usage: 'server' }))
  const installed = options(port)
  if (installed) install({ sessionCache: new SessionCache(), ...installed })
  const resumed: boolean[] = []
  for (let round = 0; round < 3; round++) {
    resumed.push((await finish((installed ? tls.connect : plain)({ ca, ...(await dial(port)) }))).resumed)
  }
  uninstall()
  return resumed
}

const FULL = [false, false, false]
const RESUMED = [false, true, true]
const elsewhere = (port: number) => (port === 1 ? 2 : 1)

for (const [host, dials] of [
  ['localhost', DIALS],
  ['127.0.0.1', BY_ADDRESS],
] as const) {
  for (const [how, dial] of Object.entries(dials)) {
    test.serial(`rollout: ${host} and its port mean a peer reached by ${how}`, async t => {
      t.deepEqual(await visit(t, dial, () => undefined), FULL, 'plain Node')
      t.deepEqual(await visit(t, dial, () => ({})), RESUMED)
      t.deepEqual(await visit(t, dial, port => ({ exclude: [`${host}:${port}`] })), FULL)
      t.deepEqual(await visit(t, dial, () => ({ exclude: [host] })), FULL)
      t.deepEqual(await visit(t, dial, port => ({ exclude: [`${host}:${elsewhere(port)}`] })), RESUMED)
      t.deepEqual(await visit(t, dial, port => ({ include: [`${host}:${port}`] })), RESUMED)
      t.deepEqual(await visit(t, dial, () => ({ include: [host] })), RESUMED)
      t.deepEqual(await visit(t, dial, port => ({ include: [`${host}:${elsewhere(port)}`] })), FULL)
    })
  }
}

/** Patterns and names that mean one peer. */
for (const [pattern, host] of [
  ['db.example', 'DB.Example.'],
  ['DB.example.', 'db.example'],
  ['bücher.example', 'xn--bcher-kva.example'],
  ['xn--bcher-kva.example', 'Bücher.example'],
  ['*.bücher.example', 'a.xn--bcher-kva.example.'],
  ['127.0.0.1', '::ffff:7f00:1'],
  ['[::ffff:127.0.0.1]', '127.0.0.1'],
  ['2001:DB8::0:1', '2001:db8::1'],
  ['[2001:db8::1]:5432', '2001:db8:0::1'],
  ['fe80::1%eth0', 'FE80:0::1%eth0'],
  ['*.example', 'db.example.'],
  ['*', 'db.example'],
] as const) {
  test(`rollout: ${pattern} means ${host}`, t => {
    for (const peer of [{ host }, { servername: host }]) {
      t.false(chooser({ exclude: [pattern] })({ port: 5432, ...peer }))
      t.true(chooser({ include: [pattern] })({ port: 5432, ...peer }))
    }
  })
}

for (const [pattern, host] of [
  ['db.example', 'db2.example'],
  ['*.example', 'example'],
  ['*.example', 'example.'],
  ['*.b.example', 'ab.example'],
  ['db.example:5433', 'db.example'],
  ['fe80::1%eth0', 'fe80::1%eth1'],
] as const) {
  test(`rollout: ${pattern} does not mean ${host}`, t => {
    t.true(chooser({ exclude: [pattern] })({ port: 5432, host }))
    t.false(chooser({ include: [pattern] })({ port: 5432, host }))
  })
}

test('rollout: a path means its unix socket, also if the options name a host', t => {
  const choose = chooser({ exclude: ['/run/Peer.sock'] })
  t.false(choose({ path: '/run/Peer.sock', host: 'db.example' }))
  t.true(choose({ path: '/run/peer.sock', host: 'db.example' }))
  t.false(chooser({ exclude: ['db.example'] })({ path: '/run/Peer.sock', host: 'db.example' }))
})

test('rollout: an excluded port holds where the port is unknown, an included one does not', t => {
  t.false(chooser({ exclude: ['/run/a', 'db.example:5432'] })({ path: '/run/Peer.sock', host: 'db.example' }))
  t.false(chooser({ include: ['db.example:5432'] })({ path: '/run/Peer.sock', host: 'db.example' }))
})

test('rollout: port 1433 of SQL Server is excluded over sockets too, unless it is included', t => {
  const socket = new net.Socket()
  Object.defineProperties(socket, { remoteAddress: { value: '192.0.2.1' }, remotePort: { value: 1433 } })
  for (const options of [
    { port: 1433 },
    { port: '1433' },
    { socket },
    { socket, host: 'db.example', port: 5432 },
  ]) {
    t.false(chooser({})(options as tls.ConnectionOptions))
    t.false(chooser({ exclude: ['other.example'] })(options as tls.ConnectionOptions))
  }
  t.true(chooser({ include: ['192.0.2.1:1433'] })({ socket }))
  t.true(chooser({ include: ['db.example'] })({ host: 'db.example', port: 1433 }))
})
