/**
 * Hosts that a client reaches under one name or address, and tells apart by something else. Each has ticket keys
 * of its own, so that a session offered to the wrong one would show as a full handshake.
 */
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import net, { type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { type ConnectOptions, connect, SessionCache } from 'tls-resumption'
import { finish, startServer, type TestServer, testAuthority } from '../support/server.ts'

const ROUNDS = 4

/** Connects to one host after the other, over and over; each is met in full once, and resumes from then on. */
async function resumesEach(t: ExecutionContext, hosts: { server: TestServer; options: ConnectOptions }[]) {
  const sessionCache = new SessionCache()
  for (let round = 0; round < ROUNDS; round++) {
    for (const { options, server } of hosts) {
      const { resumed, authorized } = await finish(connect({ ca: server.ca, ...options, sessionCache }))
      t.true(authorized)
      t.is(resumed, round > 0)
    }
  }
  for (const { server } of hosts) t.deepEqual(server.handshakes, { full: 1, resumed: ROUNDS - 1 })
}

/** One address in front of all hosts, which leads to the one that `current` names. */
async function startProxy(t: ExecutionContext, current: () => TestServer): Promise<number> {
  const proxy = net.createServer(socket => current().server.emit('connection', socket))
  t.teardown(() => proxy.close())
  await once(proxy.listen(0, '127.0.0.1'), 'listening')
  return (proxy.address() as AddressInfo).port
}

test('hosts at ports of their own', async t => {
  const servers = await Promise.all([startServer(t), startServer(t)])
  const options = { host: '127.0.0.1', servername: 'localhost' }
  await resumesEach(
    t,
    servers.map(server => ({ server, options: { ...options, port: server.port } })),
  )
})

test('hosts behind one proxy address, told apart by server name', async t => {
  const { issue } = await testAuthority()
  const names = ['a.example', 'b.example']
  const hosts = await Promise.all(
    names.map(async name => {
      const identity = await issue({ commonName: name, dnsNames: [name], usage: 'server' })
      return { name, server: await startServer(t, identity) }
    }),
  )
  let current = hosts[0] as (typeof hosts)[number]
  const port = await startProxy(t, () => current.server)
  await resumesEach(
    t,
    hosts.map(host => ({
      server: host.server,
      get options() {
        current = host
        return { host: '127.0.0.1', port, servername: host.name }
      },
    })),
  )
})

test('hosts at unix sockets of their own', async t => {
  const directory = mkdtempSync(join(tmpdir(), 'tls-resumption-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  const hosts = await Promise.all(
    ['a', 'b'].map(async name => {
      const server = await startServer(t)
      const path = join(directory, name)
      const front = net.createServer(socket => server.server.emit('connection', socket)).listen(path)
      t.teardown(() => front.close())
      await once(front, 'listening')
      return { server, options: { path, servername: 'localhost' } }
    }),
  )
  await resumesEach(t, hosts)
})

test('hosts at one address under one name, told apart by an id that only the client knows', async t => {
  const hosts = await Promise.all(
    ['host 1', 'host 2'].map(async id => ({ id, server: await startServer(t) })),
  )
  let current = hosts[0] as (typeof hosts)[number]
  const port = await startProxy(t, () => current.server)
  await resumesEach(
    t,
    hosts.map(host => ({
      server: host.server,
      get options() {
        current = host
        return { host: '127.0.0.1', port, servername: 'localhost', cachePartition: host.id }
      },
    })),
  )
})
