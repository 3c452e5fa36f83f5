/** The label `peer` of client connections, which the option `maxPeers` adds and bounds. */
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import test from 'ava'
import { clientStats, connect, SessionCache } from 'tls-resumption'
import { collectOpenTelemetry } from 'tls-resumption/metrics'
import { startRegistry, valuesOf } from '../support/metrics.ts'
import { finish, startServer } from '../support/server.ts'

const CONNECTIONS = 'client_connections_total'
const HANDSHAKES = 'client_handshake_duration_seconds'

test.serial('peer label: there is none by default', async t => {
  for (const options of [undefined, {}, { maxPeers: 0 }, { maxPeers: undefined }]) {
    const { register } = startRegistry(t, options)
    const { port, ca } = await startServer(t)
    await finish(connect({ host: 'localhost', port, ca, sessionCache: new SessionCache() }))
    const text = await register.metrics()
    t.regex(text, /tls_resumption_client_connections_total\{outcome="no-session"\} [1-9]/)
    t.false(text.includes('peer="'))
  }
})

test.serial('peer label: the first peers have a value each, and further ones are other', async t => {
  const earlier = await startServer(t)
  await finish(connect({ host: 'localhost', port: earlier.port, ca: earlier.ca }))
  const { register } = startRegistry(t, { maxPeers: 2 })
  const before = clientStats()
  const servers = [await startServer(t), await startServer(t), await startServer(t), await startServer(t)]
  const sessionCache = new SessionCache()
  for (const { port, ca } of servers) {
    for (let n = 0; n < 3; n++) await finish(connect({ host: 'localhost', port, ca, sessionCache }))
  }
  const metrics = await register.getMetricsAsJSON()
  const count = (name: string, labels: Record<string, string>) =>
    valuesOf(metrics, name)
      .filter(({ metricName = '' }) => !/_(bucket|sum)$/.test(metricName))
      .filter(({ labels: found }) => Object.entries(labels).every(([key, value]) => found[key] === value))
      .reduce((sum, { value }) => sum + value, 0)
  const [first, second, third] = servers.map(({ port }) => `tcp:localhost:${port}`) as [
    string,
    string,
    string,
  ]
  for (const peer of [first, second]) {
    t.is(count(CONNECTIONS, { peer, outcome: 'no-session' }), 1)
    t.is(count(CONNECTIONS, { peer, outcome: 'resumed' }), 2)
    t.is(count(HANDSHAKES, { peer, outcome: 'full' }), 1)
    t.is(count(HANDSHAKES, { peer, outcome: 'resumed' }), 2)
  }
  t.is(count(CONNECTIONS, { peer: third }), 0)
  t.is(count(HANDSHAKES, { peer: third }), 0)
  // What came before the collection belongs to no peer either.
  t.is(count(CONNECTIONS, { peer: 'other', outcome: 'resumed' }), before.resumed + 4)
  t.is(count(HANDSHAKES, { peer: 'other', outcome: 'resumed' }), 4)
  t.deepEqual(
    new Set(valuesOf(metrics, CONNECTIONS).map(({ labels }) => labels.peer)),
    new Set([first, second, 'other']),
  )
  for (const [outcome, total] of Object.entries(clientStats())) t.is(count(CONNECTIONS, { outcome }), total)
})

test.serial('peer label: OpenTelemetry has it as an attribute', async t => {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 })
  const provider = new MeterProvider({ readers: [reader] })
  t.teardown(() => provider.shutdown())
  const collecting = collectOpenTelemetry(provider.getMeter('test'), { maxPeers: 1 })
  t.teardown(() => collecting[Symbol.dispose]())
  const servers = [await startServer(t), await startServer(t)]
  for (const { port, ca } of servers) await finish(connect({ host: 'localhost', port, ca }))
  await reader.forceFlush()
  const points = (name: string) =>
    exporter
      .getMetrics()
      .flatMap(({ scopeMetrics }) => scopeMetrics)
      .flatMap(({ metrics }) => metrics)
      .find(({ descriptor }) => descriptor.name === `tls_resumption.${name}`)
      ?.dataPoints.map(({ attributes }) => attributes.peer)
  const peers = new Set([`tcp:localhost:${servers[0]?.port}`, 'other'])
  t.deepEqual(new Set(points('client.connections')), peers)
  t.deepEqual(new Set(points('client.handshake.duration')), peers)
  t.deepEqual(new Set(points('cache.stores')), new Set([undefined]))
})
