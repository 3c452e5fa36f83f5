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

/** Connects to one host after the other, several times. Each host does one full handshake and then resumes. */
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

/** Starts a proxy at one address, which forwards to the host that `current` names. */
async function startProxy(t: ExecutionContext, current: () => TestServer): Promise<number> {
  const proxy = net.createServer(socket => current().server.emit('connection', socket))
  t.teardown(() => proxy.close())
  await once(proxy.listen(0, '127.0.0.1'), 'listening')
  return (proxy.address() as AddressInfo).port
}

test('endpoints: hosts with different ports have different sessions', async t => {
  const servers = await Promise.all([startServer(t), startServer(t)])
  const options = { host: '127.0.0.1', servername: 'localhost' }
  await resumesEach(
    t,
    servers.map(server => ({ server, options: { ...options, port: server.port } })),
  )
})

test('endpoints: hosts behind one proxy with different server names have different sessions', async t => {
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

test('endpoints: hosts with different unix sockets have different sessions', async t => {
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

test('endpoints: hosts with one address and name have different sessions by cachePartition', async t => {
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
