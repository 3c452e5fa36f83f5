/** Two hosts and more, each a process with arguments of its own, that resume one another's connections. */
import { type ChildProcess, fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import tls from 'node:tls'
import { fileURLToPath } from 'node:url'
import type { ExecutionContext } from 'ava'
import { SSL_OP_NO_TICKET, testAuthority } from '../support/server.ts'
import { CLIENTS, startClusterOfStores, startStore, until } from '../support/store.ts'
import { testWithStore as test } from '../support/test-with-store.ts'
import type { HostOptions, HostReport } from '../workers/host.ts'
import { TYPESCRIPT } from '../workers/spawn.ts'

const program = fileURLToPath(new URL('../workers/host.ts', import.meta.url))

/** What a client can rely on, and how a server is to be for it to be relied on. */
const SERVERS: Record<string, tls.TlsOptions> = {
  'ids of TLS 1.2': { maxVersion: 'TLSv1.2', secureOptions: SSL_OP_NO_TICKET },
  'tickets of TLS 1.2': { maxVersion: 'TLSv1.2' },
  'tickets of TLS 1.3': { minVersion: 'TLSv1.3' },
}
const MECHANISMS = Object.keys(SERVERS)
const TLS_1_3 = MECHANISMS.indexOf('tickets of TLS 1.3')

interface Host {
  process: ChildProcess
  /** Of each server. */
  ports: number[]
  report(): Promise<HostReport>
}

interface Fleet {
  options: HostOptions
  ca: string
}

async function fleet(ports: number[], kind: HostOptions['kind']): Promise<Fleet> {
  const { cert: ca, issue } = await testAuthority()
  const identity = await issue({ commonName: 'localhost', dnsNames: ['localhost'], usage: 'server' })
  const servers = Object.values(SERVERS).map(options => ({ ...identity, ...options }))
  return { options: { kind, ports, sealing: randomBytes(32).toString('base64'), servers }, ca }
}

async function start(t: ExecutionContext, { options }: Fleet, ...args: string[]): Promise<Host> {
  const child = fork(program, [JSON.stringify(options), ...args], { execArgv: TYPESCRIPT })
  t.teardown(() => child.kill('SIGKILL'))
  const [ports] = await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(() => Promise.reject(new Error('the host ended'))),
  ])
  const report = async (): Promise<HostReport> => {
    const answer = once(child, 'message')
    child.send('report')
    return (await answer)[0]
  }
  return { process: child, ports, report }
}

/** A client of one mechanism that goes from host to host with what the last one gave it. */
function client({ ca }: Fleet, mechanism = TLS_1_3) {
  let session: Buffer | undefined
  return async ({ ports }: Host): Promise<boolean> => {
    const port = ports[mechanism] ?? 0
    const socket = tls.connect({ port, ca, host: '127.0.0.1', servername: 'localhost', session })
    let resumed = false
    socket.on('session', made => {
      session = made
    })
    socket.once('secureConnect', () => {
      resumed = socket.isSessionReused()
      // Node.js emits no session for a TLS 1.2 ticket that a resumption renews.
      if (socket.getProtocol() === 'TLSv1.2') session = socket.getSession()
    })
    socket.resume()
    await once(socket, 'close')
    return resumed
  }
}

/** Waits until all hosts have one ring. Each host starts with a key of its own. */
async function meet(site: Fleet, [first, ...others]: readonly [Host, ...Host[]]): Promise<void> {
  for (const other of others) {
    await until(async () => {
      const visits = client(site)
      await visits(first)
      return visits(other)
    })
  }
}

async function haveKeys(hosts: readonly Host[], count: number): Promise<void> {
  for (const host of hosts) await until(async () => (await host.report()).ages.length >= count)
}

/** Visits all hosts until the newest key is the active one of each. */
async function visitAll(hosts: readonly Host[], visit: (host: Host) => Promise<unknown>): Promise<void> {
  const seals = ({ ages: [first = 0, ...others] }: HostReport) =>
    first > 0 && others.every(age => age > first)
  do {
    for (const host of hosts) await visit(host)
  } while (!(await Promise.all(hosts.map(host => host.report()))).every(seals))
}

for (const kind of CLIENTS) {
  for (const isCluster of [false, true]) {
    const where = isCluster ? 'a cluster' : 'one store'
    test.serial(
      `${kind}: through ${where}, ids and tickets resume at a host with other arguments`,
      async t => {
        const stores = isCluster ? await startClusterOfStores(t) : [await startStore(t)]
        const ports = stores.map(({ port }) => port)
        const site = await fleet(ports, kind)
        const [one, other] = [
          await start(t, site, '--role', 'one'),
          await start(t, site, 'another one'),
        ] as const
        await meet(site, [one, other])
        for (const [index, mechanism] of MECHANISMS.entries()) {
          const visits = client(site, index)
          t.false(await visits(one), mechanism)
          if (mechanism.startsWith('ids')) await until(async () => (await one.report()).stores > 0)
          t.deepEqual(
            [await visits(other), await visits(one), await visits(other)],
            [true, true, true],
            mechanism,
          )
        }
        const { handshakes, hits, errors } = await other.report()
        t.deepEqual(handshakes[0], { full: 0, resumed: 2 })
        t.deepEqual([hits, errors], [1, []], 'the second time from its own memory')
      },
    )
  }
}

test.serial('hosts: a rotation that any of them requests loses no resumption', async t => {
  const site = await fleet([(await startStore(t)).port], 'ioredis')
  const hosts = [await start(t, site, '1'), await start(t, site, '2')] as const
  await meet(site, [...hosts])
  const visits = client(site)
  await visits(hosts[0])
  for (const [index, asked] of hosts.entries()) {
    const { length } = (await asked.report()).ages
    asked.process.send('rotate')
    // From here on all hosts have the key, and it becomes active after the lead time.
    await haveKeys(hosts, Math.min(length + 1, 3))
    await visitAll(hosts, async host => t.true(await visits(host), `rotation ${index}`))
  }
  const reports = await Promise.all(hosts.map(host => host.report()))
  t.true(reports.some(({ acceptedWithRetiredKey }) => acceptedWithRetiredKey > 0))
  for (const { errors } of reports) t.deepEqual(errors, [])
})

test.serial('hosts: a host that is killed after it made a key takes none along', async t => {
  const site = await fleet([(await startStore(t)).port], 'redis')
  const hosts = [await start(t, site, '1'), await start(t, site, '2'), await start(t, site, '3')] as const
  await meet(site, [...hosts])
  const visits = client(site)
  const [victim, ...others] = hosts
  await visits(victim)
  victim.process.send('rotate')
  await haveKeys(hosts, 2)
  victim.process.kill('SIGKILL')
  await once(victim.process, 'exit')
  await visitAll(others, async host => t.true(await visits(host)))
  others[0]?.process.send('rotate')
  await haveKeys(others, 3)
  await visitAll(others, async host => t.true(await visits(host)))
})

test.serial('hosts: they continue without the store, and with a new one', async t => {
  const store = await startStore(t)
  const site = await fleet([store.port], 'ioredis')
  const hosts = [await start(t, site, '1'), await start(t, site, '2')] as const
  await meet(site, [...hosts])
  const visits = client(site)
  await visits(hosts[0])
  await store.kill()
  for (let n = 0; n < 5; n++) for (const host of hosts) t.true(await visits(host))
  await store.restart()
  // One that knows nothing gets the keys from there.
  const third = await start(t, site, '3')
  await meet(site, [hosts[0], third])
  // Hosts read the record now and then: until each has read it, it lacks the key of the others.
  await haveKeys([...hosts, third], 2)
  for (const host of [...hosts, third]) t.true(await visits(host))
})

test.serial('hosts: without a store from the start a host resumes its own tickets', async t => {
  const site = await fleet([1], 'ioredis')
  const host = await start(t, site)
  for (const index of MECHANISMS.keys()) {
    const visits = client(site, index)
    await until(() => visits(host))
  }
  t.deepEqual((await host.report()).errors, [])
})
