/** Two hosts and more, each a process with arguments of its own, that resume one another's connections. */
import { once } from 'node:events'
import { client, fleet, type Host, MECHANISMS, meet, start } from '../support/fleet.ts'
import { CLIENTS, startClusterOfStores, startStore, until } from '../support/store.ts'
import { testWithStore as test } from '../support/test-with-store.ts'
import type { HostReport } from '../workers/host.ts'

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
  const all = [...hosts, third]
  // Hosts read the record now and then: until each has read it, it lacks keys of the others.
  await until(async () => {
    const resumed: boolean[] = []
    for (const host of all) resumed.push(await visits(host))
    return resumed.every(Boolean)
  })
  for (const host of all) t.true(await visits(host))
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
