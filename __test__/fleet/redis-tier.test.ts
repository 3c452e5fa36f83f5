/** The tier as its users see it, on a real store. */
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import net from 'node:net'
import { join } from 'node:path'
import tls from 'node:tls'
import type { ExecutionContext } from 'ava'
import test from 'ava'
import { Redis } from 'ioredis'
import { createClient, createClientPool } from 'redis'
import { resumeSessions, revokeSessions, TicketKeys } from 'tls-resumption'
import { RedisTier, type RedisTierOptions } from 'tls-resumption/redis'
import {
  CLIENTS,
  type ClientKind,
  connectTo,
  connectToCluster,
  startClusterOfStores,
  startStore,
  until,
} from '../support/store.ts'
import { testWithStore } from '../support/test-with-store.ts'

const blob = Buffer.from('a session, as long as they are, or somewhat shorter')

async function startTier(
  t: ExecutionContext,
  kind: ClientKind = 'ioredis',
  options: Partial<RedisTierOptions> = {},
) {
  const store = await startStore(t)
  const operator = (await connectTo(t, 'ioredis', store.port)) as Redis
  const client = await connectTo(t, kind, store.port)
  const keys = [randomBytes(32)]
  // Slow machines are not what is tested.
  const tier = new RedisTier({ client, keys, timeout: 10_000, ...options })
  return { store, operator, client, keys, tier }
}

for (const kind of CLIENTS) {
  testWithStore(`${kind}: what is stored comes back, and goes`, async t => {
    const { tier } = await startTier(t, kind)
    t.is(await tier.get('peer'), undefined)
    t.true(await tier.set('peer', blob))
    t.deepEqual(await tier.get('peer'), blob)
    t.deepEqual(await tier.get(Buffer.from('peer')), blob)
    t.is(await tier.get('Peer'), undefined)
    t.true(await tier.delete('peer'))
    t.is(await tier.get('peer'), undefined)
    t.like(tier.stats(), { lookups: 5, hits: 2, misses: 3, stores: 1, failedStores: 0, breaker: 'closed' })
  })

  testWithStore(`${kind}: take gives a session to one of several callers`, async t => {
    const { tier, keys, store } = await startTier(t, kind)
    const other = new RedisTier({ client: await connectTo(t, kind, store.port), keys, timeout: 10_000 })
    for (let round = 0; round < 10; round++) {
      await tier.set('ticket', blob)
      const taken = await Promise.all([tier, other, tier, other, tier].map(each => each.take('ticket')))
      t.is(taken.filter(Boolean).length, 1)
      t.deepEqual(taken.find(Boolean), blob)
    }
  })

  testWithStore(`${kind}: the same in a cluster`, async t => {
    const client = await connectToCluster(t, kind, await startClusterOfStores(t))
    const tier = new RedisTier({ client, keys: [randomBytes(32)], timeout: 10_000 })
    for (let n = 0; n < 20; n++) t.true(await tier.set(`peer ${n}`, Buffer.from([n, 1])))
    for (let n = 0; n < 20; n++) t.deepEqual(await tier.get(`peer ${n}`), Buffer.from([n, 1]))
    for (let n = 0; n < 20; n++) t.deepEqual(await tier.take(`peer ${n}`), Buffer.from([n, 1]))
    for (let n = 0; n < 20; n++) t.is(await tier.get(`peer ${n}`), undefined)
  })
}

testWithStore('a pool of clients serves as one client does', async t => {
  const { store } = await startTier(t)
  const pool = createClientPool({ socket: { host: '127.0.0.1', port: store.port } })
  pool.on('error', () => {})
  await pool.connect()
  t.teardown(() => pool.destroy())
  const tier = new RedisTier({ client: pool, keys: [randomBytes(32)], timeout: 10_000 })
  t.true(await tier.set('peer', blob))
  t.deepEqual(await tier.get('peer'), blob)
})

testWithStore('a client of ioredis that waits connects with the first look-up', async t => {
  const { store } = await startTier(t)
  const client = new Redis(store.port, '127.0.0.1', { lazyConnect: true })
  t.teardown(() => client.disconnect())
  const tier = new RedisTier({ client, keys: [randomBytes(32)], timeout: 10_000 })
  t.true(await tier.set('peer', blob))
})

testWithStore('the store keeps a session for as long as it is good, and no longer', async t => {
  const { tier, operator } = await startTier(t, 'ioredis', { ttl: 60_000 })
  const lifetimes = async (ttl?: number) => {
    await operator.flushall()
    await tier.set('peer', blob, { ttl })
    const [name = ''] = await operator.keys('*')
    return operator.pttl(name)
  }
  const within = (value: number, most: number) => t.true(value > most - 30_000 && value <= most, `${value}`)
  within(await lifetimes(), 60_000)
  within(await lifetimes(40_000), 40_000)
  within(await lifetimes(7_200_000), 60_000)
})

testWithStore('look-up: an expired session that the store still has is a miss', async t => {
  const { tier, operator } = await startTier(t)
  await tier.set('peer', blob, { ttl: 5000 })
  const [name = ''] = await operator.keys('*')
  await operator.persist(name)
  t.deepEqual(await tier.get('peer'), blob)
  await until(async () => (await tier.get('peer')) === undefined)
  t.is(await operator.exists(name), 1)
})

testWithStore('names and values in the store reveal nothing', async t => {
  const { tier, operator } = await startTier(t)
  await tier.set('db.example', blob)
  const [name = ''] = await operator.keys('*')
  const value = await operator.getBuffer(name)
  t.regex(name, /^tls-resumption:[\w-]{32}$/)
  t.false(value?.includes(blob.subarray(0, 8)))
  t.false(value?.includes('db.example'))
})

testWithStore('tiers of different prefixes or keys do not see each other', async t => {
  const { tier, client, keys, operator } = await startTier(t)
  await tier.set('peer', blob)
  t.is(await new RedisTier({ client, keys, prefix: 'other:', timeout: 10_000 }).get('peer'), undefined)
  t.is(await new RedisTier({ client, keys: [randomBytes(32)], timeout: 10_000 }).get('peer'), undefined)
  t.is(await operator.dbsize(), 1)
})

testWithStore('what was sealed with an earlier key is found for as long as that is listed', async t => {
  const { tier, keys } = await startTier(t)
  const [old = Buffer.alloc(0)] = keys
  const next = randomBytes(32)
  await tier.set('old', blob)
  tier.setKeys([next, old])
  await tier.set('new', blob)
  t.deepEqual([await tier.get('old'), await tier.get('new')], [blob, blob])
  tier.setKeys([old, next])
  t.deepEqual([await tier.get('old'), await tier.get('new')], [blob, blob])
  tier.setKeys([next])
  t.deepEqual([await tier.get('old'), await tier.get('new')], [undefined, blob])
  t.throws(() => tier.setKeys([Buffer.alloc(32)]), { code: 'ERR_TLS_RESUMPTION_SEALING_KEY' })
  t.deepEqual(await tier.get('new'), blob)
})

testWithStore('a blob that is damaged, cut off, or under another key is no session', async t => {
  const { tier, operator } = await startTier(t)
  await tier.set('one', blob)
  const [one = ''] = await operator.keys('*')
  await tier.set('other', Buffer.from('another session'))
  const other = (await operator.keys('*')).find(name => name !== one) ?? ''
  const [ours, theirs] = [await operator.getBuffer(one), await operator.getBuffer(other)]
  const whole = ours ?? Buffer.alloc(0)
  const flipped = Buffer.from(whole)
  flipped[70] = (flipped[70] ?? 0) ^ 4
  const damaged = [
    flipped,
    whole.subarray(0, -1),
    whole.subarray(0, 20),
    theirs ?? '',
    'noise',
    '',
    randomBytes(4000),
  ]
  for (const value of damaged) {
    await operator.set(one, value)
    t.is(await tier.get('one'), undefined)
  }
  t.like(
    tier.stats(),
    { unreadable: damaged.length - 1, misses: 1 },
    'an empty value is as if there was none',
  )
  await operator.del(one)
  await operator.rpush(one, 'of another type')
  t.is(await tier.get('one'), undefined)
  t.is(tier.stats().errors, 1)
  await operator.del(one)
  await operator.set(one, whole)
  t.deepEqual(await tier.get('one'), blob, 'as it was, it is good')
})

testWithStore('simultaneous look-ups of one session share a request', async t => {
  const { tier, operator } = await startTier(t)
  await tier.set('peer', blob)
  const asked = async () =>
    Number(/cmdstat_getrange:calls=(\d+)/.exec(await operator.info('commandstats'))?.[1] ?? 0)
  const before = await asked()
  const found = await Promise.all(Array.from({ length: 100 }, () => tier.get('peer')))
  t.is((await asked()) - before, 1)
  // Each has a copy of its own.
  found[0]?.fill(0)
  for (const session of found.slice(1)) t.deepEqual(session, blob)
  t.like(tier.stats(), { lookups: 100, coalesced: 99, hits: 100 })
})

testWithStore('look-ups that come together go out together', async t => {
  const { tier, store } = await startTier(t)
  const chunks: number[] = []
  const line = net.createServer(socket => {
    const up = net.connect(store.port, '127.0.0.1')
    socket.on('data', data => {
      chunks.push(data.toString('latin1').match(/\bGETRANGE\r\n/gi)?.length ?? 0)
      up.write(data)
    })
    up.pipe(socket)
    socket.on('close', () => up.destroy())
    socket.on('error', () => {})
    up.on('error', () => {})
  })
  await new Promise<void>(resolve => line.listen(0, '127.0.0.1', resolve))
  t.teardown(() => line.close())
  for (const kind of CLIENTS) {
    const client = await connectTo(t, kind, (line.address() as net.AddressInfo).port)
    const through = new RedisTier({ client, keys: [randomBytes(32)], timeout: 10_000 })
    chunks.length = 0
    await Promise.all(Array.from({ length: 50 }, (_, n) => through.get(`peer ${n}`)))
    const gets = chunks.filter(count => count > 0)
    t.is(
      gets.reduce((sum, count) => sum + count, 0),
      50,
    )
    t.true(gets.length < 25, `${kind}: ${gets}`)
  }
  t.is(tier.stats().lookups, 0)
})

testWithStore('a client that puts commands together by itself serves as well', async t => {
  const { store } = await startTier(t)
  const client = new Redis(store.port, '127.0.0.1', { enableAutoPipelining: true, keyPrefix: 'ours:' })
  t.teardown(() => client.disconnect())
  const tier = new RedisTier({ client, keys: [randomBytes(32)], timeout: 10_000 })
  await until(() => tier.set('peer', blob))
  t.deepEqual(await Promise.all([tier.get('peer'), tier.get('other')]), [blob, undefined])
  const ring = new TicketKeys({ name: t.title, tier })
  await until(() => ring.stats().isShared)
  ring[Symbol.dispose]()
})

testWithStore('latencies are reported in milliseconds', async t => {
  const { tier } = await startTier(t)
  t.deepEqual(tier.stats().latency, { mean: 0, p50: 0, p99: 0, max: 0 })
  for (let n = 0; n < 10; n++) await tier.get('peer')
  const { mean, p50, p99, max } = tier.stats().latency
  t.true(0 < p50 && p50 <= p99 && p99 <= max && 0 < mean && mean <= max && max < 60_000)
})

const keys = [randomBytes(32)]
const offline = () => {
  const client = new Redis({ lazyConnect: true })
  return client
}
for (const [what, options, code, message] of [
  ['none', undefined, 'ERR_INVALID_ARG_TYPE', /"options" argument/],
  ['no client', { keys }, 'ERR_INVALID_ARG_TYPE', /a client of the package 'ioredis' or 'redis'/],
  ['an address', { client: 'redis://localhost', keys }, 'ERR_INVALID_ARG_TYPE', /"client" option/],
  ['a Map', { client: new Map(), keys }, 'ERR_INVALID_ARG_TYPE', /"client" option.*instance of Map/],
  ['a socket', { client: new net.Socket(), keys }, 'ERR_INVALID_ARG_TYPE', /"client" option/],
  ['no keys', { client: offline() }, 'ERR_INVALID_ARG_TYPE', /"keys" option/],
  [
    'a weak key',
    { client: offline(), keys: [Buffer.alloc(32, 7)] },
    'ERR_TLS_RESUMPTION_SEALING_KEY',
    /not random/,
  ],
  ['no time', { client: offline(), keys, timeout: 0 }, 'ERR_OUT_OF_RANGE', /"timeout" option/],
  ['too much time', { client: offline(), keys, timeout: 10_001 }, 'ERR_OUT_OF_RANGE', /"timeout" option/],
  ['a ttl of eight days', { client: offline(), keys, ttl: 691_200_000 }, 'ERR_OUT_OF_RANGE', /"ttl" option/],
  [
    'a prefix with an empty hash tag',
    { client: offline(), keys, prefix: 'a{}' },
    'ERR_OUT_OF_RANGE',
    /hash tag/,
  ],
  ['an empty prefix', { client: offline(), keys, prefix: '' }, 'ERR_OUT_OF_RANGE', /"prefix" option/],
  [
    'a name misspelt',
    { client: offline(), keys, timeOut: 5 },
    'ERR_TLS_RESUMPTION_UNKNOWN_OPTION',
    /'timeout'/,
  ],
] as const) {
  test(`options: ${what} is rejected`, t => {
    t.throws(() => new RedisTier(options as never), { code, message })
  })
}

test('client: those of both packages are recognized before they are connected', t => {
  t.notThrows(() => new RedisTier({ client: offline(), keys }))
  t.notThrows(() => new RedisTier({ client: createClient(), keys }))
})

test('arguments: invalid keys, blobs and lifetimes are rejected', async t => {
  const tier = new RedisTier({ client: createClient(), keys })
  await t.throwsAsync(() => tier.get(1 as never), { code: 'ERR_INVALID_ARG_TYPE' })
  await t.throwsAsync(() => tier.take(''), { code: 'ERR_OUT_OF_RANGE' })
  await t.throwsAsync(() => tier.delete('x'.repeat(4097)), { code: 'ERR_OUT_OF_RANGE' })
  const error = await t.throwsAsync(() => tier.set('peer', 'hunter2' as never), {
    code: 'ERR_INVALID_ARG_TYPE',
  })
  t.false(error?.message.includes('hunter2'))
  await t.throwsAsync(() => tier.set('peer', Buffer.alloc(0)), { code: 'ERR_OUT_OF_RANGE' })
  await t.throwsAsync(() => tier.set('peer', blob, { ttl: 0 }), { code: 'ERR_OUT_OF_RANGE' })
})

test('client: one that is not connected is not asked', async t => {
  const tier = new RedisTier({ client: createClient(), keys })
  t.is(await tier.get('peer'), undefined)
  t.false(await tier.set('peer', blob))
  t.false(await tier.delete('peer'))
  t.like(tier.stats(), { lookups: 1, unavailable: 1, stores: 1, failedStores: 1 })
})

test('tier: anything but a tier is rejected', t => {
  const code = 'ERR_INVALID_ARG_TYPE'
  for (const tier of [null, {}, 'redis', createClient()] as never[]) {
    t.throws(() => resumeSessions(tls.createServer(), { tier }), { code, message: /"tier" option/ })
    t.throws(() => new TicketKeys({ name: 'edge', tier }), { code, message: /"tier" option/ })
  }
})

test('ring: one with a tier has a name and no source', t => {
  const tier = new RedisTier({ client: createClient(), keys })
  t.throws(() => new TicketKeys({ tier }), { code: 'ERR_INVALID_ARG_TYPE', message: /"name" option/ })
  const source = () => [randomBytes(48)]
  t.throws(() => new TicketKeys({ name: t.title, tier, source }), { code: 'ERR_TLS_RESUMPTION_TICKET_KEY' })
})

test('ring: an interval below a second is rejected with a tier', t => {
  const tier = new RedisTier({ client: createClient(), keys })
  const name = t.title
  const refused = { code: 'ERR_OUT_OF_RANGE', message: /"rotateEvery" option.*from 1000 to/ }
  t.throws(() => new TicketKeys({ name, tier, rotateEvery: 999 }), refused)
  for (const rotateEvery of [1000, 0])
    new TicketKeys({ name: `${name} ${rotateEvery}`, tier, rotateEvery })[Symbol.dispose]()
})

test('insert: an invalid key does not reach other hosts', t => {
  const tier = new RedisTier({ client: createClient(), keys })
  const ring = new TicketKeys({ name: t.title, tier })
  t.throws(() => ring.insert(Buffer.alloc(48)), {
    code: 'ERR_TLS_RESUMPTION_TICKET_KEY',
    message: /not random/,
  })
  t.notThrows(() => ring.insert(randomBytes(48)))
  ring[Symbol.dispose]()
})

test('keys: none is printed', t => {
  const tier = new RedisTier({ client: createClient(), keys })
  t.deepEqual(JSON.parse(JSON.stringify(tier)), {})
  t.false(JSON.stringify(tier.stats()).includes(keys[0]?.toString('hex') ?? ''))
})

for (const kind of CLIENTS) {
  testWithStore(`${kind}: a user with the documented rights can do everything`, async t => {
    const { store, operator, keys } = await startTier(t)
    const page = readFileSync(join(import.meta.dirname, '../../docs/how-to/run-a-fleet.md'), 'utf8')
    const [, rights = ''] = /^ACL SETUSER tls on >PASSWORD (.+)$/m.exec(page) ?? []
    await operator.call('ACL', 'SETUSER', 'tls', 'on', '>secret', ...rights.split(' '))
    const url = `redis://tls:secret@127.0.0.1:${store.port}`
    const client = kind === 'ioredis' ? new Redis(url) : createClient({ url })
    client.on('error', error => t.fail(error.message))
    if ('isOpen' in client) await client.connect()
    t.teardown(() => ('isOpen' in client ? client.destroy() : client.disconnect()))
    await until(() => ('isOpen' in client ? client.isReady : client.status === 'ready'))
    const tier = new RedisTier({ client, keys, timeout: 10_000 })
    t.true(await tier.set('one', blob))
    t.true(await tier.set('other', blob))
    t.deepEqual(
      [await tier.get('one'), await tier.take('one'), await tier.get('one')],
      [blob, blob, undefined],
    )
    t.true(await tier.delete('other'))
    t.like(tier.stats(), { errors: 0, failedStores: 0 })
    const ring = new TicketKeys({ name: 'edge', tier, rotateEvery: 1000 })
    await ring.rotate()
    t.true(ring.stats().isShared)
    const server = tls.createServer()
    resumeSessions(server, { tier })
    await revokeSessions(server)
    t.true((await operator.keys('*')).length >= 2, 'the ring and the generation')
    ring[Symbol.dispose]()
    t.false(String(await operator.call('ACL', 'LOG')).includes('tls'), 'nothing was denied')
  })
}
