/** Rings of several hosts, each with a memory of its own, that meet in a real store which fails in every way. */
import { randomBytes } from 'node:crypto'
import type { ExecutionContext } from 'ava'
import type { Redis } from 'ioredis'
import { type RedisClient, RedisTier } from 'tls-resumption/redis'
import { checkTier } from '../../dist/fleet/second-tier.js'
import { native } from '../../dist/native/addon.js'
import { TierRing } from '../../dist/server/tickets/fleet-sync.js'
import { AGED_KEY_LENGTH, keyRing } from '../../dist/server/tickets/native-ring.js'
import {
  CLIENTS,
  type ClientKind,
  connectTo,
  connectToCluster,
  startClusterOfStores,
  startStore,
  until,
} from '../support/store.ts'
import { testWithStore as test } from '../support/test-with-store.ts'

const HOUR = 3_600_000
const sealing = [randomBytes(32)]

interface Options {
  rotateEvery?: number
  keep?: number
  name?: string
  keys?: Uint8Array[]
}

/** What a TicketKeys is without its servers. */
function startHost(t: ExecutionContext, client: RedisClient, options: Options = {}) {
  const { rotateEvery = HOUR, keep = 3, name = 'edge', keys = sealing } = options
  const { handle } = native.ringOpen({ name: undefined, rotateEvery, keep })
  const ring = keyRing(() => handle)
  const home = checkTier(new RedisTier({ client, keys }))?.ring(name)
  if (!home) throw new Error('no tier')
  const shared = new TierRing(ring, home, { rotateEvery, keep })
  t.teardown(() => {
    shared.end()
    native.ringClose(handle)
  })
  return {
    shared,
    rotate: (key?: Uint8Array) => shared.rotate(key),
    /** The keys, the one that seals first. */
    keys: () =>
      ring.lend(aged =>
        Array.from({ length: aged.length / AGED_KEY_LENGTH }, (_, index) =>
          aged.toString('hex', (index + 1) * AGED_KEY_LENGTH - 48, (index + 1) * AGED_KEY_LENGTH),
        ),
      ),
  }
}

type Host = ReturnType<typeof startHost>

/** Waits until all have the same keys, those that the condition asks for. */
async function agree(
  hosts: readonly Host[],
  on: (keys: string[]) => boolean = () => true,
): Promise<string[]> {
  await until(() => {
    const [keys = [], ...others] = hosts.map(host => host.keys())
    return others.every(other => other.join() === keys.join()) && on(keys)
  })
  return hosts[0]?.keys() ?? []
}

async function stateIn(store: Redis): Promise<{ name: string; value: Buffer | null }> {
  const [name = ''] = (await store.keys('*{ring-*')).filter(key => !key.endsWith(':lock'))
  return { name, value: await store.getBuffer(name) }
}

/** A fleet of three on a store, and the store as an operator sees it. */
async function startFleet(t: ExecutionContext, kind: ClientKind = 'ioredis', options: Options = {}) {
  const store = await startStore(t)
  const operator = (await connectTo(t, 'ioredis', store.port)) as Redis
  const hosts: Host[] = []
  for (let n = 0; n < 3; n++) hosts.push(startHost(t, await connectTo(t, kind, store.port), options))
  await agree(hosts)
  return { store, operator, hosts }
}

for (const kind of CLIENTS) {
  test(`${kind}: hosts that begin at once have one ring, and follow a rotation of any of them`, async t => {
    const { hosts } = await startFleet(t, kind)
    const [first] = await agree(hosts)
    hosts[1]?.rotate()
    // It is there before it seals, and then seals everywhere.
    t.is((await agree(hosts, keys => keys.length === 2))[0], first)
    const after = await agree(hosts, keys => keys[0] !== first)
    t.is(after[1], first)
  })

  test(`${kind}: the same in a cluster of three`, async t => {
    const stores = await startClusterOfStores(t)
    const hosts: Host[] = []
    for (let n = 0; n < 2; n++) hosts.push(startHost(t, await connectToCluster(t, kind, stores)))
    const [first] = await agree(hosts)
    hosts[0]?.rotate()
    await agree(hosts, keys => keys.length === 2 && keys[0] !== first)
    t.pass()
  })
}

test('a ring rotates by itself, one key at a time, whoever is left', async t => {
  const { hosts } = await startFleet(t, 'ioredis', { rotateEvery: 1500, keep: 20 })
  const [first = ''] = await agree(hosts)
  const seen = await agree(hosts, keys => keys.indexOf(first) >= 2)
  hosts.shift()?.shared.end()
  const later = await agree(hosts, keys => keys.length >= seen.length + 2)
  // Nothing was made twice: what there was is there, in its order.
  const known = later.filter(key => seen.includes(key))
  t.deepEqual(
    known.slice(1),
    seen.filter(key => known.slice(1).includes(key)),
  )
  hosts.shift()?.shared.end()
  const [last] = hosts
  await until(() => (last?.keys().length ?? 0) > later.length)
  t.pass()
})

test('a given key becomes that of all hosts', async t => {
  const { hosts } = await startFleet(t)
  const key = randomBytes(48)
  hosts[2]?.rotate(key)
  await agree(hosts, keys => keys[0] === key.toString('hex'))
  t.pass()
})

test('as many rotations as there are keys leave none of those before', async t => {
  const { hosts } = await startFleet(t)
  hosts[0]?.rotate()
  const before = await agree(hosts, keys => keys.length === 2)
  for (let n = 0; n < 3; n++) hosts[1]?.rotate()
  const after = await agree(hosts, keys => keys.length === 1)
  t.false(before.includes(after[0] ?? ''))
})

test('a lock whose holder is gone ends, and the next one rotates', async t => {
  const { hosts, operator } = await startFleet(t)
  const { name } = await stateIn(operator)
  await operator.set(`${name}:lock`, 'somebody who is gone', 'PX', 3000)
  hosts[0]?.rotate()
  await agree(hosts, keys => keys.length === 2)
  t.is(await operator.exists(`${name}:lock`), 0)
})

test('who held the lock for too long changes nothing any more', async t => {
  const { hosts, operator, store } = await startFleet(t)
  const home = checkTier(
    new RedisTier({ client: await connectTo(t, 'ioredis', store.port), keys: sealing }),
  )?.ring('edge')
  const { stored, state } = (await home?.read()) ?? {}
  t.true(await home?.lock())
  const { name } = await stateIn(operator)
  await operator.del(`${name}:lock`)
  hosts[0]?.rotate()
  const keys = await agree(hosts, now => now.length === 2)
  const { value } = await stateIn(operator)
  t.false(await home?.write(state ?? Buffer.alloc(0), stored ?? null, HOUR))
  t.deepEqual((await stateIn(operator)).value, value)
  t.deepEqual((await agree(hosts)).sort(), keys.sort())
})

test('without the store everybody goes on with what there is, and an empty one is filled again', async t => {
  const { store, hosts } = await startFleet(t)
  const [first] = await agree(hosts)
  hosts[0]?.rotate()
  const both = (await agree(hosts, keys => keys.length === 2 && keys[0] !== first)).sort()
  t.true(hosts.every(({ shared }) => shared.isShared))
  await store.kill()
  hosts[1]?.rotate()
  await until(() => !hosts.some(({ shared }) => shared.isShared))
  for (const host of hosts) t.deepEqual(host.keys().sort(), both)
  await store.restart()
  // The wish is fulfilled, too.
  const after = await agree(hosts, keys => keys.length === 3)
  await until(() => hosts.every(({ shared }) => shared.isShared))
  for (const key of both) t.true(after.includes(key))
})

test('a store that was flushed is filled again, and nobody has other keys', async t => {
  const { operator, hosts } = await startFleet(t)
  hosts[0]?.rotate()
  const before = (await agree(hosts, keys => keys.length === 2)).sort()
  await operator.flushall()
  await until(async () => (await stateIn(operator)).value !== null)
  t.deepEqual((await agree(hosts)).sort(), before)
  const newcomer = startHost(t, operator)
  t.deepEqual((await agree([...hosts, newcomer])).sort(), before)
})

test('an earlier state that somebody puts back is overwritten', async t => {
  const { operator, hosts } = await startFleet(t)
  const { name, value } = await stateIn(operator)
  hosts[0]?.rotate()
  const before = (await agree(hosts, keys => keys.length === 2)).sort()
  await operator.set(name, value ?? '')
  await until(async () => !(await stateIn(operator)).value?.equals(value ?? Buffer.alloc(0)))
  t.deepEqual((await agree(hosts)).sort(), before)
})

test('the state of another fleet in the place of ours ends in one ring with the keys of both', async t => {
  const [ours, theirs] = [await startFleet(t), await startFleet(t)]
  const known = [...ours.hosts, ...theirs.hosts].flatMap(host => host.keys())
  const { name, value } = await stateIn(theirs.operator)
  await ours.operator.set(name, value ?? '')
  const keys = await agree(ours.hosts, now => now.length === 2)
  t.deepEqual(keys.sort(), [...new Set(known)].sort())
})

for (const [damage, value] of [
  ['noise', randomBytes(300)],
  ['text', Buffer.from('maintenance')],
  ['one byte', Buffer.of(1)],
  ['an empty value', Buffer.alloc(0)],
] as const) {
  test(`a state that is ${damage} is put right`, async t => {
    const { operator, hosts } = await startFleet(t)
    const before = await agree(hosts)
    const { name } = await stateIn(operator)
    await operator.set(name, value)
    await until(
      async () =>
        ((await stateIn(operator)).value?.length ?? 0) > 100 &&
        !(await operator.getBuffer(name))?.equals(value),
    )
    t.deepEqual(await agree(hosts), before)
  })
}

test('a state with a bit changed, or cut off, is put right', async t => {
  const { operator, hosts } = await startFleet(t)
  const before = await agree(hosts)
  const { name, value } = await stateIn(operator)
  const whole = value ?? Buffer.alloc(0)
  const changed = Buffer.from(whole)
  changed[60] = (changed[60] ?? 0) ^ 1
  for (const damaged of [changed, whole.subarray(0, -1), whole.subarray(0, 40)]) {
    await operator.set(name, damaged)
    await until(async () => !(await stateIn(operator)).value?.equals(damaged))
    t.deepEqual(await agree(hosts), before)
  }
})

test('something of another type in its place is left alone, and nobody loses a key', async t => {
  const { operator, hosts } = await startFleet(t)
  const before = await agree(hosts)
  const { name } = await stateIn(operator)
  await operator.del(name)
  await operator.rpush(name, 'a list')
  hosts[0]?.rotate()
  await until(async () => (await operator.type(name)) === 'list')
  for (const host of hosts) t.deepEqual(host.keys(), before)
  await operator.del(name)
  await agree(hosts, keys => keys.length === 2)
})

test('the state of hosts with another sealing key is left alone, with a warning', async t => {
  const { operator, hosts, store } = await startFleet(t)
  const theirs = await agree(hosts)
  const { value } = await stateIn(operator)
  const warnings: string[] = []
  const onWarning = (warning: Error & { code?: string }) => {
    if (warning.code === 'TLS_RESUMPTION_KEYS_NOT_SHARED') warnings.push(warning.message)
  }
  process.on('warning', onWarning)
  t.teardown(() => process.off('warning', onWarning))
  const stranger = startHost(t, await connectTo(t, 'ioredis', store.port), { keys: [randomBytes(32)] })
  await until(() => warnings.some(text => text.includes('sealed with a key that is not listed')))
  t.true(stranger.shared.isReady)
  t.deepEqual([stranger.keys().length, theirs.includes(stranger.keys()[0] ?? '')], [1, false])
  t.deepEqual((await stateIn(operator)).value, value)
})

test('sealing keys are changed host by host, and the ring stays one', async t => {
  const store = await startStore(t)
  const [older, newer] = [randomBytes(32), randomBytes(32)]
  const join = async (keys: Uint8Array[]) => startHost(t, await connectTo(t, 'ioredis', store.port), { keys })
  const hosts = [await join([older])]
  hosts.push(await join([older, newer]), await join([newer, older]))
  const first = await agree(hosts)
  hosts.shift()?.shared.end()
  hosts[1]?.rotate()
  // On a busy machine a host may have made one of its own, before it met the others.
  const isNew = (key: string) => !first.includes(key)
  const [made = ''] = (await agree(hosts, keys => keys.some(isNew))).filter(isNew)
  hosts.push(await join([newer]))
  await agree(hosts, keys => keys.includes(made))
  t.pass()
})

test('a store that is full keeps nobody from sealing, and takes the next key when it has room', async t => {
  const { operator, hosts } = await startFleet(t)
  const before = await agree(hosts)
  await operator.config('SET', 'maxmemory-policy', 'noeviction')
  await operator.config('SET', 'maxmemory', '1')
  hosts[0]?.rotate()
  await t.throwsAsync(operator.set('a', 'b'), { message: /OOM/ })
  for (const host of hosts) t.deepEqual(host.keys(), before)
  await operator.config('SET', 'maxmemory', '0')
  await agree(hosts, keys => keys.length === 2)
})

test('a store that stands still keeps nobody from sealing, and what was asked for comes when it goes on', async t => {
  const { store, hosts } = await startFleet(t)
  const before = await agree(hosts)
  store.pause()
  hosts[0]?.rotate()
  await new Promise(resolve => setTimeout(resolve, 3000))
  for (const host of hosts) t.deepEqual(host.keys(), before)
  store.resume()
  await agree(hosts, keys => keys.length === 2)
})

test('who begins without a store seals with a key of its own, and joins when there is one', async t => {
  const store = await startStore(t)
  const clients = [await connectTo(t, 'ioredis', store.port), await connectTo(t, 'ioredis', store.port)]
  await store.kill()
  const hosts = clients.map(client => startHost(t, client))
  t.deepEqual(
    hosts.map(({ shared }) => shared.isReady),
    [false, false],
  )
  await until(() => hosts.every(({ shared }) => shared.isReady))
  const own = hosts.flatMap(host => host.keys())
  t.is(new Set(own).size, 2)
  await store.restart()
  t.deepEqual((await agree(hosts, keys => keys.length === 2)).sort(), own.sort())
})

test('two rings of different names have nothing to do with one another', async t => {
  const { hosts, operator } = await startFleet(t)
  const other = startHost(t, operator, { name: 'inside' })
  await until(() => other.shared.isReady)
  hosts[0]?.rotate()
  const keys = await agree(hosts, now => now.length === 2)
  t.is(other.keys().length, 1)
  t.false(keys.includes(other.keys()[0] ?? ''))
})

test('no key lies in the store in clear', async t => {
  const { hosts, operator } = await startFleet(t)
  hosts[0]?.rotate()
  const keys = await agree(hosts, now => now.length === 2)
  const { value } = await stateIn(operator)
  for (const key of keys) {
    const bytes = Buffer.from(key, 'hex')
    for (let at = 0; at < 48; at += 8) t.false(value?.includes(bytes.subarray(at, at + 8)))
  }
})
