/** Rings of several hosts, each with its own memory, on a real store that fails in many ways. */
import { randomBytes } from 'node:crypto'
import type { ExecutionContext } from 'ava'
import type { Redis } from 'ioredis'
import { type RedisClient, RedisTier } from 'tls-resumption/redis'
import { checkTier } from '../../dist/fleet/second-tier.js'
import { native } from '../../dist/native/addon.js'
import { FleetSync } from '../../dist/server/tickets/fleet-sync.js'
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

/** Starts what a TicketKeys does without its servers. */
function startHost(t: ExecutionContext, client: RedisClient, options: Options = {}) {
  const { rotateEvery = HOUR, keep = 3, name = 'edge', keys = sealing } = options
  const { handle } = native.ringOpen({ name: undefined, rotateEvery, keep: 64 })
  const ring = keyRing(() => handle)
  const tier = new RedisTier({ client, keys })
  const record = checkTier(tier)?.ring(name)
  if (!record) throw new Error('no tier')
  const shared = new FleetSync(ring, record, { rotateEvery, keep })
  t.teardown(() => {
    shared.end()
    native.ringClose(handle)
  })
  return {
    tier,
    shared,
    rotate: (key?: Uint8Array) => shared.rotate(key),
    /** Returns the keys, the active one first. */
    keys: () =>
      ring.lend(aged =>
        Array.from({ length: aged.length / AGED_KEY_LENGTH }, (_, index) =>
          aged.toString('hex', (index + 1) * AGED_KEY_LENGTH - 48, (index + 1) * AGED_KEY_LENGTH),
        ),
      ),
  }
}

type Host = ReturnType<typeof startHost>

/** Waits until all have the same keys, and the condition holds for them. */
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

async function stateIn(store: Redis): Promise<{ name: string; lock: string; value: Buffer | null }> {
  const [name = ''] = (await store.keys('*{ring-*')).filter(key => !key.endsWith(':lock'))
  return { name, lock: name.replace(/[^}]*$/, ':lock'), value: await store.getBuffer(name) }
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
  test(`${kind}: ring: hosts that start at once have one ring, and follow a rotation of any of them`, async t => {
    const { hosts } = await startFleet(t, kind)
    const [first] = await agree(hosts)
    void hosts[1]?.rotate()
    // It is pending first, and then active on all hosts.
    t.is((await agree(hosts, keys => keys.length === 2))[0], first)
    const after = await agree(hosts, keys => keys[0] !== first)
    t.is(after[1], first)
  })

  test(`${kind}: ring: hosts share it through a Redis cluster of three`, async t => {
    const stores = await startClusterOfStores(t)
    const hosts: Host[] = []
    for (let n = 0; n < 2; n++) hosts.push(startHost(t, await connectToCluster(t, kind, stores)))
    const [first] = await agree(hosts)
    void hosts[0]?.rotate()
    await agree(hosts, keys => keys.length === 2 && keys[0] !== first)
    t.pass()
  })
}

test('ring: it rotates by itself, one key at a time, while any host is left', async t => {
  const { hosts } = await startFleet(t, 'ioredis', { rotateEvery: 1500, keep: 20 })
  const [first = ''] = await agree(hosts)
  const seen = await agree(hosts, keys => keys.indexOf(first) >= 2)
  hosts.shift()?.shared.end()
  const later = await agree(hosts, keys => keys.length >= seen.length + 2)
  // No key was made twice: the earlier ones are there, in their order.
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

test('ring: an inserted key becomes active on all hosts', async t => {
  const { hosts } = await startFleet(t)
  const key = randomBytes(48)
  void hosts[2]?.rotate(key)
  await agree(hosts, keys => keys[0] === key.toString('hex'))
  t.pass()
})

test('ring: keys that hosts insert at once are kept, and the promises resolve when all hosts use one', async t => {
  const { hosts } = await startFleet(t, 'ioredis', { keep: 5 })
  const given = [randomBytes(48), randomBytes(48), randomBytes(48)]
  await Promise.all(hosts.map((host, index) => host.rotate(given[index])))
  const keys = await agree(hosts)
  t.true(
    given.some(key => key.toString('hex') === keys[0]),
    'one of them is active',
  )
  for (const host of hosts) t.is(host.keys()[0], keys[0])
  t.true(
    given.every(key => keys.includes(key.toString('hex'))),
    'and the others decrypt',
  )
})

test('ring: as many rotations as there are keys push out all earlier ones', async t => {
  const { hosts } = await startFleet(t)
  void hosts[0]?.rotate()
  const before = await agree(hosts, keys => keys.length === 2)
  for (let n = 0; n < 3; n++) hosts[1]?.rotate()
  const after = await agree(hosts, keys => keys.length === 1)
  t.false(before.includes(after[0] ?? ''))
})

test('lock: it ends when its holder is gone, and another host rotates', async t => {
  const { hosts, operator } = await startFleet(t)
  const { lock } = await stateIn(operator)
  await operator.set(lock, 'a process that is gone', 'PX', 3000)
  void hosts[0]?.rotate()
  await agree(hosts, keys => keys.length === 2)
  t.is(await operator.exists(lock), 0)
})

test('lock: a host that held it for too long changes nothing', async t => {
  const { hosts, operator, store } = await startFleet(t)
  const record = checkTier(
    new RedisTier({ client: await connectTo(t, 'ioredis', store.port), keys: sealing }),
  )?.ring('edge')
  const reading = await record?.read()
  t.true(await record?.lock())
  await operator.del((await stateIn(operator)).lock)
  void hosts[0]?.rotate()
  const keys = await agree(hosts, now => now.length === 2)
  const { value } = await stateIn(operator)
  t.false(await reading?.write(reading.states[0] ?? Buffer.alloc(0), HOUR))
  t.deepEqual((await stateIn(operator)).value, value)
  t.deepEqual((await agree(hosts)).sort(), keys.sort())
})

test('store: hosts go on without it, and fill an empty one again', async t => {
  const { store, hosts } = await startFleet(t)
  const [first] = await agree(hosts)
  void hosts[0]?.rotate()
  const both = (await agree(hosts, keys => keys.length === 2 && keys[0] !== first)).sort()
  t.true(hosts.every(({ shared }) => shared.isShared))
  await store.kill()
  const pending = [hosts[1]?.rotate()]
  await until(() => !hosts.some(({ shared }) => shared.isShared))
  for (const host of [hosts[0], hosts[2]]) t.deepEqual(host?.keys().sort(), both)
  // The host that was asked rotates at once, with a key that all have when the store is back.
  await until(() => hosts[1]?.keys().length === 3)
  const [early = ''] = hosts[1]?.keys() ?? []
  await store.restart()
  const after = await agree(hosts, keys => keys.length === 3)
  t.true(after.includes(early))
  await Promise.all(pending)
  t.is((await agree(hosts))[0], early)
  await until(() => hosts.every(({ shared }) => shared.isShared))
  for (const key of both) t.true(after.includes(key))
})

test('store: after a flush it is filled with the same keys', async t => {
  const { operator, hosts } = await startFleet(t)
  void hosts[0]?.rotate()
  const before = (await agree(hosts, keys => keys.length === 2)).sort()
  await operator.flushall()
  await until(async () => (await stateIn(operator)).value !== null)
  t.deepEqual((await agree(hosts)).sort(), before)
  const newcomer = startHost(t, operator)
  t.deepEqual((await agree([...hosts, newcomer])).sort(), before)
})

test('store: an earlier state that is put back is overwritten', async t => {
  const { operator, hosts } = await startFleet(t)
  const { name, value } = await stateIn(operator)
  void hosts[0]?.rotate()
  const before = (await agree(hosts, keys => keys.length === 2)).sort()
  await operator.set(name, value ?? '')
  await until(async () => !(await stateIn(operator)).value?.equals(value ?? Buffer.alloc(0)))
  t.deepEqual((await agree(hosts)).sort(), before)
})

test('store: the state of another fleet is merged into one ring with the keys of both', async t => {
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
  test(`store: a state that is ${damage} is replaced`, async t => {
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

test('store: a state that is changed or cut off is replaced', async t => {
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

for (const [what, put] of [
  [
    'a list',
    async (operator: Redis, name: string) => {
      await operator.del(name)
      await operator.rpush(name, 'a list')
    },
  ],
  [
    '64 MiB',
    async (operator: Redis, name: string) => {
      await operator.set(name, '')
      await operator.setrange(name, 64 * 2 ** 20 - 1, 'x')
    },
  ],
] as const) {
  test(`ring record: ${what} in its place is replaced, and sharing goes on`, async t => {
    const { operator, hosts } = await startFleet(t)
    const before = await agree(hosts)
    const { name } = await stateIn(operator)
    await put(operator, name)
    void hosts[0]?.rotate()
    await agree(hosts, keys => keys.length === 2 && before.every(key => keys.includes(key)))
    t.is(await operator.type(name), 'string')
    t.true((await operator.strlen(name)) < 10_000)
    t.true(hosts.every(({ shared }) => shared.isShared))
  })
}

test('ring record: a value of 64 MiB is not read into the process', async t => {
  const store = await startStore(t)
  const client = (await connectTo(t, 'ioredis', store.port)) as Redis
  const host = startHost(t, client)
  await until(() => host.shared.isShared)
  host.shared.end()
  const { name } = await stateIn(client)
  await client.setrange(name, 64 * 2 ** 20 - 1, 'x')
  const replies: Buffer[] = []
  const commands = client as unknown as { evalBuffer(...args: unknown[]): Promise<unknown> }
  const { evalBuffer } = commands
  commands.evalBuffer = async (...args) => {
    const reply = await evalBuffer.apply(client, args)
    replies.push(...[reply].flat().filter(each => Buffer.isBuffer(each)))
    return reply
  }
  const reading = await checkTier(host.tier)?.ring('edge').read()
  t.deepEqual([reading?.states, reading?.isComplete], [[], false])
  t.true(replies.length >= 3 && replies.every(({ length }) => length < 10_000))
})

test('ring record: hosts with another sealing key have a record of their own', async t => {
  const { operator, hosts, store } = await startFleet(t)
  const others = await agree(hosts)
  const keys = [randomBytes(32)]
  const strangers = [
    startHost(t, await connectTo(t, 'ioredis', store.port), { keys }),
    startHost(t, await connectTo(t, 'ioredis', store.port), { keys }),
  ]
  await until(() => strangers.every(({ shared }) => shared.isShared))
  t.false((await agree(strangers)).some(key => others.includes(key)))
  const records = (await operator.keys('*{ring-*')).filter(key => !key.endsWith(':lock'))
  t.is(records.length, 2)
  t.true(hosts.every(({ shared }) => shared.isShared))
})

test('ring record: a leaked sealing key is replaced on all hosts at once within seconds', async t => {
  const store = await startStore(t)
  const [leaked, fresh] = [[randomBytes(32)], [randomBytes(32)]]
  const hosts: Host[] = []
  for (let n = 0; n < 3; n++) {
    hosts.push(startHost(t, await connectTo(t, 'ioredis', store.port), { keys: leaked }))
  }
  const before = await agree(hosts)
  for (const { tier } of hosts) tier.setKeys(fresh)
  const from = performance.now()
  await until(() => hosts.every(({ shared }) => shared.isShared))
  await hosts[0]?.rotate()
  await agree(hosts, keys => keys.length === 2)
  t.true(performance.now() - from < 20_000)
  t.true(
    before.every(key => hosts[0]?.keys().includes(key)),
    'and no ticket is lost by it',
  )
})

test('sealing keys: they are changed host by host, and the ring stays one', async t => {
  const store = await startStore(t)
  const [older, newer] = [randomBytes(32), randomBytes(32)]
  const join = async (keys: Uint8Array[]) => startHost(t, await connectTo(t, 'ioredis', store.port), { keys })
  const hosts = [await join([older])]
  hosts.push(await join([older, newer]), await join([newer, older]))
  const first = await agree(hosts)
  hosts.shift()?.shared.end()
  void hosts[1]?.rotate()
  // On a busy machine a host may have made one of its own, before it met the others.
  const isNew = (key: string) => !first.includes(key)
  const [made = ''] = (await agree(hosts, keys => keys.some(isNew))).filter(isNew)
  hosts.push(await join([newer]))
  await agree(hosts, keys => keys.includes(made))
  t.pass()
})

test('store: a full one stops no host, and takes the next key when it has room', async t => {
  const { operator, hosts } = await startFleet(t)
  const before = await agree(hosts)
  await operator.config('SET', 'maxmemory-policy', 'noeviction')
  await operator.config('SET', 'maxmemory', '1')
  void hosts[0]?.rotate()
  await t.throwsAsync(operator.set('a', 'b'), { message: /OOM/ })
  for (const host of hosts) t.deepEqual(host.keys(), before)
  await operator.config('SET', 'maxmemory', '0')
  await agree(hosts, keys => keys.length === 2)
})

test('store: one that hangs stops no host, and a rotation follows when it goes on', async t => {
  const { store, hosts } = await startFleet(t)
  const before = await agree(hosts)
  store.pause()
  void hosts[0]?.rotate()
  await new Promise(resolve => setTimeout(resolve, 3000))
  for (const host of hosts.slice(1)) t.deepEqual(host.keys(), before)
  store.resume()
  await agree(hosts, keys => keys.length === 2)
})

test('store: a host that starts without it uses a key of its own, and joins later', async t => {
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

test('ring: rings of different names share no keys', async t => {
  const { hosts, operator } = await startFleet(t)
  const other = startHost(t, operator, { name: 'inside' })
  await until(() => other.shared.isReady)
  void hosts[0]?.rotate()
  const keys = await agree(hosts, now => now.length === 2)
  t.is(other.keys().length, 1)
  t.false(keys.includes(other.keys()[0] ?? ''))
})

test('ring record: the store has no key in clear', async t => {
  const { hosts, operator } = await startFleet(t)
  void hosts[0]?.rotate()
  const keys = await agree(hosts, now => now.length === 2)
  const { value } = await stateIn(operator)
  for (const key of keys) {
    const bytes = Buffer.from(key, 'hex')
    for (let at = 0; at < 48; at += 8) t.false(value?.includes(bytes.subarray(at, at + 8)))
  }
})
