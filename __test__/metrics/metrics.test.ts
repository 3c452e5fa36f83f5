/** The metrics, read through the real collectors. */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import {
  AggregationTemporality,
  type Histogram as HistogramPoint,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import test from 'ava'
import type { Redis } from 'ioredis'
import { AggregatorRegistry, Registry } from 'prom-client'
import { connect, resumeSessions, SessionCache, TicketKeys } from 'tls-resumption'
import { collect, collectOpenTelemetry } from 'tls-resumption/metrics'
import { RedisTier } from 'tls-resumption/redis'
import { type Labels, readerOf, startRegistry } from '../support/metrics.ts'
import { finish, SSL_OP_NO_TICKET, startServer } from '../support/server.ts'
import { hasSharedFiles, pathOnTmpfs } from '../support/shared-file.ts'
import { connectTo, startStore } from '../support/store.ts'
import { testWithStore } from '../support/test-with-store.ts'
import { runProgram, TYPESCRIPT } from '../workers/spawn.ts'
import { runWorker } from '../workers/start.ts'

test.serial('metrics: connections by outcome, events of servers, caches and ticket keys', async t => {
  const { read } = startRegistry(t)
  const { server, port, ca } = await startServer(t, { minVersion: 'TLSv1.3' })
  const keys = new TicketKeys({ name: 'metrics ring', rotateEvery: 0 })
  t.teardown(() => keys[Symbol.dispose]())
  keys.attach(server)
  const sessionCache = new SessionCache({ name: 'metrics cache' })
  t.teardown(() => sessionCache[Symbol.dispose]())
  const before = await read()
  for (let n = 0; n < 3; n++) await finish(connect({ host: 'localhost', port, ca, sessionCache }))
  await finish(connect({ host: 'localhost', port, ca, sessionCache: null }))
  const after = await read()

  const grown = (name: string, labels: Labels) => (after(name, labels) ?? 0) - (before(name, labels) ?? 0)
  t.is(grown('client_connections_total', { outcome: 'resumed' }), 2)
  t.is(grown('client_connections_total', { outcome: 'no-session' }), 1)
  t.is(grown('client_connections_total', { outcome: 'opted-out' }), 1)
  t.is(grown('server_events_total', { reason: 'resumed' }), 2)
  t.is(grown('server_events_total', { reason: 'full' }), 2)

  const cache = 'metrics cache'
  const stats = sessionCache.stats()
  t.is(after('cache_sessions', { cache }), stats.size)
  t.is(after('cache_size_bytes', { cache }), stats.bytes)
  t.is(after('cache_memory_bytes', { cache }), stats.memory.used)
  t.is(after('cache_stores_total', { cache }), stats.sets)
  t.is(after('cache_reads_total', { cache, result: 'hit' }), stats.hits)
  t.is(after('cache_reads_total', { cache, result: 'miss' }), stats.misses)
  t.is(after('cache_removals_total', { cache, cause: 'evicted' }), 0)
  t.is(after('cache_rejected_total', { cache }), 0)

  const ring = 'metrics ring'
  t.is(after('tickets_total', { ring, outcome: 'issued' }), keys.stats().issued)
  t.is(after('tickets_total', { ring, outcome: 'opened-by-newest-key' }), 2)
  t.is(after('ticket_keys', { ring }), 1)
  keys.rotate()
  const rotated = await read()
  t.is(rotated('ticket_keys', { ring }), 2)
  const age = (key: string) => rotated('ticket_key_age_seconds', { ring, key }) ?? NaN
  t.true(age('newest') >= 0 && age('newest') < age('oldest'))
  t.is(rotated('ticket_keys_shared', { ring }), 0)
})

test.serial(
  'metrics: disposed caches are not reported, and nothing is after the collection stops',
  async t => {
    const register = new Registry()
    const collecting = collect(register)
    const sessionCache = new SessionCache({ name: 'disposed' })
    const again = new SessionCache({ name: 'disposed' })
    sessionCache.set('key', Buffer.from('session'))
    const size = async () =>
      readerOf(await register.getMetricsAsJSON())('cache_sessions', { cache: 'disposed' })
    t.is(await size(), 1)
    sessionCache[Symbol.dispose]()
    t.is(await size(), 1)
    again[Symbol.dispose]()
    t.is(await size(), undefined)
    collecting[Symbol.dispose]()
    t.deepEqual(await register.getMetricsAsJSON(), [])
  },
)

test.serial('metrics: private caches are summed in one value', async t => {
  const { read } = startRegistry(t)
  const caches = [new SessionCache(), new SessionCache()]
  const before = (await read())('cache_sessions', { cache: '' }) ?? 0
  for (const cache of caches) cache.set('key', Buffer.from('session'))
  t.is((await read())('cache_sessions', { cache: '' }), before + 2)
  for (const cache of caches) cache[Symbol.dispose]()
})

const testOfFiles = hasSharedFiles ? test.serial : test.serial.skip
testOfFiles('metrics: a cache and a ring in a file are reported once, by their path', async t => {
  const { read } = startRegistry(t)
  const [path, ringPath] = [pathOnTmpfs(t), pathOnTmpfs(t)]
  const caches = [new SessionCache({ path }), new SessionCache({ path })]
  const ring = new TicketKeys({ path: ringPath })
  t.teardown(() => {
    for (const opened of [...caches, ring]) opened[Symbol.dispose]()
  })
  caches[0]?.set('key', Buffer.from('session'))
  const values = await read()
  t.is(values('cache_sessions', { cache: path }), 1)
  t.is(values('cache_stores_total', { cache: path }), 1)
  t.is(values('ticket_keys', { ring: ringPath }), ring.stats().keys.length)
  const worker = new Registry()
  const collecting = collect(worker, { processWide: false })
  t.teardown(() => collecting[Symbol.dispose]())
  const ofThread = readerOf(await worker.getMetricsAsJSON())
  t.is(ofThread('cache_sessions', { cache: path }), undefined)
  t.is(ofThread('ticket_keys', { ring: ringPath }), undefined)
})

test.serial('metrics: connections of threads add up, and shared caches are reported once', async t => {
  const { register } = startRegistry(t)
  const { port, ca } = await startServer(t, { minVersion: 'TLSv1.3' })
  const name = 'metrics of threads'
  const sessionCache = new SessionCache({ name })
  t.teardown(() => sessionCache[Symbol.dispose]())
  const connections = async (outcome: string) =>
    readerOf(await register.getMetricsAsJSON())('client_connections_total', { outcome }) ?? 0
  const before = [await connections('resumed'), await connections('no-session')]
  const workers = [
    await runWorker<object[]>('metrics.ts', { name, port, ca }),
    await runWorker<object[]>('metrics.ts', { name, port, ca }),
  ]
  await finish(connect({ host: 'localhost', port, ca, sessionCache }))
  const all = [await register.getMetricsAsJSON(), ...workers] as never
  const read = readerOf(await AggregatorRegistry.aggregate(all).getMetricsAsJSON())
  // Only the first connection of the first thread found no session.
  t.is(read('client_connections_total', { outcome: 'resumed' }), (before[0] ?? 0) + 4)
  t.is(read('client_connections_total', { outcome: 'no-session' }), (before[1] ?? 0) + 1)
  t.is(read('client_handshake_duration_seconds', { outcome: 'resumed' }), 4)
  t.is(read('client_handshake_duration_seconds', { outcome: 'full' }), 1)
  t.is(read('cache_stores_total', { cache: name }), sessionCache.stats().sets)
})

testWithStore.serial('metrics: look-ups in the second tier by outcome, and their duration', async t => {
  const { read } = startRegistry(t)
  const store = await startStore(t)
  const client = (await connectTo(t, 'ioredis', store.port)) as Redis
  const tier = new RedisTier({ client, keys: [randomBytes(32)], timeout: 10_000 })
  const before = await read()
  await tier.set('peer', Buffer.from('session'))
  await tier.get('peer')
  await tier.get('another peer')
  const after = await read()
  const grown = (name: string, labels: Labels) => (after(name, labels) ?? 0) - (before(name, labels) ?? 0)
  t.is(grown('tier_lookups_total', { outcome: 'hit' }), 1)
  t.is(grown('tier_lookups_total', { outcome: 'miss' }), 1)
  t.is(grown('tier_stores_total', { outcome: 'sent' }), 1)
  t.is(grown('tier_request_duration_seconds', { operation: 'look-up', outcome: 'answered' }), 2)
  t.is(grown('tier_request_duration_seconds', { operation: 'store', outcome: 'answered' }), 1)
  t.is(after('tier_paused'), 0)
  client.disconnect()
  await once(client, 'end')
  await tier.get('peer')
  t.is((await read())('tier_lookups_total', { outcome: 'unavailable' }), 1)
})

testWithStore.serial('metrics: events of servers with a second tier', async t => {
  const { read } = startRegistry(t)
  const store = await startStore(t)
  const client = await connectTo(t, 'ioredis', store.port)
  const { server, port, ca } = await startServer(t, {
    maxVersion: 'TLSv1.2',
    secureOptions: SSL_OP_NO_TICKET,
  })
  const tier = new RedisTier({ client, keys: [randomBytes(32)], timeout: 10_000 })
  const sessionCache = new SessionCache()
  resumeSessions(server, { sessionCache, tier })
  const before = (await read())('server_events_total', { reason: 'session-id-hit-tier' }) ?? 0
  const dial = { host: 'localhost', port, ca, sessionCache: new SessionCache() }
  await finish(connect(dial))
  while (tier.stats().stores === 0) await new Promise(setImmediate)
  sessionCache.clear()
  await finish(connect(dial))
  t.is((await read())('server_events_total', { reason: 'session-id-hit-tier' }), before + 1)
})

test.serial('metrics: OpenTelemetry exports the same values until the collection stops', async t => {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 })
  const provider = new MeterProvider({ readers: [reader] })
  t.teardown(() => provider.shutdown())
  const collecting = collectOpenTelemetry(provider.getMeter('test'))
  const sessionCache = new SessionCache({ name: 'open telemetry' })
  t.teardown(() => sessionCache[Symbol.dispose]())
  const { port, ca } = await startServer(t, { minVersion: 'TLSv1.3' })
  for (let n = 0; n < 2; n++) await finish(connect({ host: 'localhost', port, ca, sessionCache }))

  const { register } = startRegistry(t)
  const read = readerOf(await register.getMetricsAsJSON())
  const exported = async () => {
    exporter.reset()
    await reader.forceFlush()
    return exporter
      .getMetrics()
      .flatMap(({ scopeMetrics }) => scopeMetrics)
      .flatMap(({ metrics }) => metrics)
  }
  let metrics = await exported()
  const value = (name: string, labels: Labels) =>
    metrics
      .find(({ descriptor }) => descriptor.name === `tls_resumption.${name}`)
      ?.dataPoints.find(({ attributes }) =>
        Object.entries(labels).every(([label, wanted]) => attributes[label] === wanted),
      )?.value
  t.is(
    value('client.connections', { outcome: 'resumed' }),
    read('client_connections_total', { outcome: 'resumed' }),
  )
  t.is(value('cache.size', { cache: 'open telemetry' }), sessionCache.bytes)
  for (const { descriptor } of metrics) t.regex(descriptor.unit, /^(s|By|\{[a-z]+\})$/, descriptor.name)
  const unit = (name: string) => metrics.find(({ descriptor }) => descriptor.name === name)?.descriptor.unit
  t.is(unit('tls_resumption.cache.size'), 'By')
  t.is(unit('tls_resumption.cache.sessions'), '{session}')
  t.is(unit('tls_resumption.client.handshake.duration'), 's')
  const handshakes = value('client.handshake.duration', { outcome: 'resumed' }) as HistogramPoint | undefined
  t.is(handshakes?.count, 1)
  t.deepEqual(handshakes?.buckets.boundaries.slice(0, 3), [0.0005, 0.001, 0.0025])

  const last = value('client.connections', { outcome: 'resumed' })
  collecting[Symbol.dispose]()
  await finish(connect({ host: 'localhost', port, ca, sessionCache }))
  metrics = await exported()
  t.is(value('client.connections', { outcome: 'resumed' }), last)
})

test('metrics: only collect needs prom-client, and its error says so', async t => {
  const { stdout, code } = await runProgram(TYPESCRIPT, 'without-prom-client.ts')
  t.is(
    stdout.trim(),
    'ERR_TLS_RESUMPTION_METRICS: tls-resumption/metrics needs the package prom-client: npm install prom-client',
  )
  t.is(code, 0)
})

test('metrics: invalid arguments are named', async t => {
  t.throws(() => collect({} as never), {
    code: 'ERR_INVALID_ARG_TYPE',
    message: /"register" argument.*Registry/,
  })
  t.throws(() => collectOpenTelemetry(undefined as never), {
    code: 'ERR_INVALID_ARG_TYPE',
    message: /"meter"/,
  })
  const register = new Registry()
  t.throws(() => collect(register, { processwide: true } as never), { message: /processWide/ })
  t.throws(() => collect(register, { processWide: 1 } as never), { code: 'ERR_INVALID_ARG_TYPE' })
  t.throws(() => collect(register, { maxPeers: '5' } as never), {
    code: 'ERR_INVALID_ARG_TYPE',
    message: /"maxPeers" option must be a number/,
  })
  for (const maxPeers of [-1, 0.5, 1001]) {
    t.throws(() => collect(register, { maxPeers }), {
      code: 'ERR_OUT_OF_RANGE',
      message: /"maxPeers" option must be an integer from 0 to 1000/,
    })
  }
  t.throws(() => collect(register, { maxPeer: 5 } as never), { message: /did you mean 'maxPeers'/ })
  t.deepEqual(await register.getMetricsAsJSON(), [])
  const collecting = collect(register)
  t.throws(() => collect(register), { message: /already been registered/ })
  collecting[Symbol.dispose]()
})

test('metrics: names follow the conventions of Prometheus, and help says unit and labels', async t => {
  for (const options of [{}, { maxPeers: 1 }]) {
    const { register } = startRegistry(t, options)
    for (const { name, help, type } of await register.getMetricsAsJSON()) {
      t.regex(name, /^tls_resumption_[a-z_]+$/)
      t.is(name.endsWith('_total'), String(type) === 'counter', name)
      t.regex(help, /^[A-Z1].*[^.]$/, name)
      t.is(help.includes(', in seconds'), /_seconds(_total)?$/.test(name), help)
      t.is(help.includes(', in bytes'), /_bytes(_total)?$/.test(name), help)
      const { labelNames = [] } = register.getSingleMetric(name) as unknown as { labelNames?: string[] }
      const [, by = ''] = help.match(/, by ([a-z, ]+)$/) ?? []
      t.deepEqual(by.split(/, | and /).filter(Boolean), labelNames, help)
    }
  }
})
