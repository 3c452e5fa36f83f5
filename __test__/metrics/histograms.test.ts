/** The histograms of handshakes and waits, with real connections. */
import { once } from 'node:events'
import tls from 'node:tls'
import test from 'ava'
import { Registry } from 'prom-client'
import { connect, resumeSessions, SessionCache } from 'tls-resumption'
import { collect } from 'tls-resumption/metrics'
import { clock } from '../../dist/util/time.js'
import { withoutTimers } from '../support/fake-timers.ts'
import { startRegistry, valuesOf } from '../support/metrics.ts'
import { outcome } from '../support/outcome.ts'
import { finish, startServer } from '../support/server.ts'
import { startStallingProxy } from '../support/stalling-proxy.ts'

const HANDSHAKES = 'client_handshake_duration_seconds'
const WAITS = 'client_wait_duration_seconds'

/** Returns count and sum of a histogram by outcome. */
async function totals(register: Registry, name: string) {
  const result: Record<string, { count: number; sum: number }> = {}
  for (const { metricName, labels, value } of valuesOf(await register.getMetricsAsJSON(), name)) {
    const kind = metricName?.match(/_(count|sum)$/)?.[1] as 'count' | 'sum' | undefined
    const by = String(labels.outcome)
    result[by] ??= { count: 0, sum: 0 }
    if (kind) result[by][kind] = value
  }
  return result
}

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  test.serial(`histograms: ${version} handshakes of clients and servers by outcome`, async t => {
    const { register } = startRegistry(t)
    const { server, port, ca } = await startServer(t, { minVersion: version, maxVersion: version })
    resumeSessions(server, { sessionCache: new SessionCache() })
    const dial = { host: 'localhost', port, ca, sessionCache: new SessionCache() }
    const started = performance.now()
    for (let n = 0; n < 3; n++) await finish(connect(dial))
    const { ca: _, ...untrusting } = dial
    await outcome(connect(untrusting))
    const elapsed = (performance.now() - started) / 1000

    const clients = await totals(register, HANDSHAKES)
    t.deepEqual([clients.full?.count, clients.resumed?.count, clients.failed?.count], [1, 2, 1])
    const sum = Object.values(clients).reduce((all, each) => all + each.sum, 0)
    t.true(sum > 0 && sum < elapsed, `${sum} of ${elapsed} s`)
    const servers = await totals(register, 'server_handshake_duration_seconds')
    t.is(servers.resumed?.count, 2)
    t.true((servers.full?.count ?? 0) >= 1)
    // Nothing waited, and nothing is recorded of it.
    t.deepEqual(await totals(register, WAITS), {})
  })
}

test.serial('histograms: waits of followers by what became of them', async t => {
  t.teardown(withoutTimers())
  const pass = (ms: number) => {
    const later = clock.monotonic() + ms
    clock.monotonic = () => later
  }
  const { register } = startRegistry(t)
  const { port, ca } = await startServer(t)
  const proxy = await startStallingProxy(t, port)
  const options = { port: proxy.port, ca, servername: 'localhost', sessionCache: new SessionCache() }
  const leader = connect(options)
  await proxy.next()
  await once(proxy.passages[0]?.client as never, 'data')
  const followers = [connect(options), connect(options), connect(options)]
  await Promise.all(followers.map(socket => once(socket, 'connect')))
  // One gives up while it waits.
  pass(40)
  followers[2]?.destroy()
  await once(followers[2] as tls.TLSSocket, 'close')
  pass(60)
  proxy.passages[0]?.open()
  const ended = await Promise.all([leader, ...followers.slice(0, 2)].map(finish))
  t.is(ended.filter(({ resumed }) => resumed).length, 2)

  const waits = await totals(register, WAITS)
  const milliseconds = ({ count = 0, sum = 0 } = {}) => ({ count, sum: Math.round(sum * 1000) })
  t.deepEqual(milliseconds(waits.resumed), { count: 2, sum: 200 })
  t.deepEqual(milliseconds(waits.failed), { count: 1, sum: 40 })
  const handshakes = await totals(register, HANDSHAKES)
  t.deepEqual([handshakes.full?.count, handshakes.resumed?.count], [1, 2])
  t.is(handshakes.failed, undefined, 'its handshake did not start')
})

test.serial('histograms: a connection that bypasses the cache has no duration', async t => {
  const { register } = startRegistry(t)
  const { port, ca } = await startServer(t)
  await finish(connect({ host: 'localhost', port, ca, sessionCache: null }))
  await finish(tls.connect({ host: 'localhost', port, ca }))
  t.deepEqual(await totals(register, HANDSHAKES), {})
})

test.serial('histograms: nothing is recorded after the collection stops', async t => {
  const register = new Registry()
  const collecting = collect(register)
  const { port, ca } = await startServer(t)
  const dial = { host: 'localhost', port, ca, sessionCache: new SessionCache() }
  await finish(connect(dial))
  const histogram = register.getSingleMetric(`tls_resumption_${HANDSHAKES}`)
  const count = async () => (await histogram?.get())?.values.find(({ labels }) => labels.outcome)?.value
  const before = await count()
  collecting[Symbol.dispose]()
  await finish(connect(dial))
  t.is(await count(), before)
})
