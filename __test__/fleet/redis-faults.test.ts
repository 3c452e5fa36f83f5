/** A store that fails in every way costs resumptions, and never a handshake. */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import net from 'node:net'
import tls from 'node:tls'
import type { ExecutionContext } from 'ava'
import type { Redis } from 'ioredis'
import { createAuthority } from '../../fixtures/certificates.ts'
import { testAuthority } from '../support/server.ts'
import { CLIENTS, type ClientKind, connectTo, Line, startStore, until } from '../support/store.ts'
import { testWithStore as test } from '../support/test-with-store.ts'
import { type Host, startHost, visit, WITH_IDS } from '../support/tiered-host.ts'

/** Two hosts on one store, behind a line that can be cut, and the store as an operator sees it. */
async function startSite(t: ExecutionContext, kind: ClientKind = 'ioredis', timeout?: number) {
  const store = await startStore(t)
  const line = await Line.to(t, store)
  const operator = (await connectTo(t, 'ioredis', store.port)) as Redis
  const keys = [randomBytes(32)]
  const host = async () => startHost(t, { client: await connectTo(t, kind, line.port), keys, timeout })
  return { store, line, operator, host, one: await host(), other: await host() }
}

/** A session that one host has made and the store has. */
async function made(one: Host, operator: Redis): Promise<Buffer> {
  const before = await operator.dbsize()
  const { session } = await visit(one)
  await until(async () => (await operator.dbsize()) > before)
  if (!session) throw new Error('no session')
  return session
}

/** Waits until a failing store works again, and checks that all clients are served and sessions are shared. */
async function recovers(one: Host, other: Host, operator: Redis): Promise<void> {
  await until(async () => {
    const before = await operator.dbsize()
    const { session } = await visit(one)
    if ((await operator.dbsize()) === before) return false
    return (await visit(other, session)).resumed
  })
}

for (const kind of CLIENTS) {
  test(`${kind}: a store that is killed leads to full handshakes`, async t => {
    const { store, operator, one, other } = await startSite(t, kind)
    const session = await made(one, operator)
    await store.kill()
    for (let n = 0; n < 10; n++) t.false((await visit(other, session)).resumed)
    t.true((await visit(one, session)).resumed, 'what a host has itself it needs no store for')
    t.deepEqual(other.handshakes, { full: 10, resumed: 0 })
    await store.restart()
    await recovers(one, other, operator)
  })

  test(`${kind}: a store that is paused leads to full handshakes`, async t => {
    const { store, operator, one, other } = await startSite(t, kind)
    const session = await made(one, operator)
    store.pause()
    for (let n = 0; n < 10; n++) t.false((await visit(other, session)).resumed)
    const { timeouts, failedStores, unavailable } = other.tier.stats()
    t.true(timeouts >= 1 && timeouts + failedStores >= 5)
    t.true(unavailable >= 1, 'after five failures it is not waited for')
    t.not(other.tier.stats().breaker, 'closed')
    store.resume()
    await recovers(one, other, operator)
    t.is(other.tier.stats().breaker, 'closed')
  })

  test(`${kind}: a slow store leads to full handshakes`, async t => {
    const { line, operator, one, other } = await startSite(t, kind)
    const session = await made(one, operator)
    line.delay = 1000
    t.false((await visit(other, session)).resumed)
    t.is(other.tier.stats().timeouts, 1)
    line.delay = 0
    await recovers(one, other, operator)
  })

  test(`${kind}: a store that is busy leads to full handshakes`, async t => {
    const { operator, one, other } = await startSite(t, kind)
    const session = await made(one, operator)
    const busy = operator.eval(
      "local t = redis.call('TIME')[1] while redis.call('TIME')[1] - t < 2 do end",
      0,
    )
    const met = await Promise.all([visit(other, session), visit(one), visit(other, session)])
    t.deepEqual(
      met.map(({ resumed }) => resumed),
      [false, false, false],
    )
    await busy
    await recovers(one, other, operator)
  })

  test(`${kind}: a reply that is cut off leads to a full handshake`, async t => {
    const { line, operator, one, other } = await startSite(t, kind)
    const session = await made(one, operator)
    line.budget = 100
    t.false((await visit(other, session)).resumed)
    t.true((await visit(one, session)).resumed)
    line.budget = Number.POSITIVE_INFINITY
    await recovers(one, other, operator)
  })
}

test('store: a full one leads to full handshakes', async t => {
  const { operator, one, other } = await startSite(t, 'ioredis', 10_000)
  const session = await made(one, operator)
  await operator.config('SET', 'maxmemory-policy', 'noeviction')
  await operator.config('SET', 'maxmemory', '1')
  const { session: unstored } = await visit(one)
  await until(() => one.tier.stats().failedStores > 0)
  t.false((await visit(other, unstored)).resumed)
  t.true((await visit(other, session)).resumed, 'what it has it still gives')
  await operator.config('SET', 'maxmemory', '0')
  await recovers(one, other, operator)
})

test('store: a flushed one leads to full handshakes', async t => {
  const { operator, one, other } = await startSite(t, 'ioredis', 10_000)
  const session = await made(one, operator)
  await operator.flushall()
  t.false((await visit(other, session)).resumed)
  t.like(other.tier.stats(), { misses: 1 })
  await recovers(one, other, operator)
})

test('store: one with other data gives no session for another', async t => {
  const { operator, one, other } = await startSite(t, 'ioredis', 10_000)
  const sessions: Buffer[] = []
  for (let n = 0; n < 4; n++) sessions.push(await made(one, operator))
  const names = (await operator.keys('*')).sort()
  const values = await operator.mgetBuffer(...names)
  // Each value is stored under the next name.
  for (const [index, name] of names.entries()) {
    await operator.set(name, values[(index + 1) % values.length] ?? '')
  }
  for (const session of sessions) t.false((await visit(other, session)).resumed)
  t.is(other.tier.stats().unreadable, 4)
  for (const [index, name] of names.entries()) await operator.set(name, values[index] ?? '')
  for (const session of sessions) t.true((await visit(other, session)).resumed)
})

test('store: damaged sessions lead to full handshakes', async t => {
  const { operator, one, other } = await startSite(t, 'ioredis', 10_000)
  const session = await made(one, operator)
  const [name = ''] = await operator.keys('*')
  const whole = (await operator.getBuffer(name)) ?? Buffer.alloc(0)
  for (const value of [
    randomBytes(whole.length),
    whole.subarray(0, 100),
    Buffer.alloc(0),
    Buffer.from('x'),
  ]) {
    await operator.set(name, value)
    t.false((await visit(other, session)).resumed)
  }
  t.like(other.tier.stats(), { unreadable: 3, misses: 1 }, 'an empty value is as if there was none')
})

for (const kind of CLIENTS) {
  test(`${kind}: a session of 64 MiB is not read as a whole, and is removed`, async t => {
    const { operator, line, one, other } = await startSite(t, kind, 10_000)
    const session = await made(one, operator)
    const [name = ''] = await operator.keys('*')
    const lengthen = (long: string) => operator.setrange(long, 64 * 2 ** 20 - 1, 'x')
    line.budget = 2 ** 30
    await lengthen(name)
    t.false((await visit(other, session)).resumed)
    await until(async () => (await operator.exists(name)) === 0)
    const names = await operator.keys('*')
    await other.tier.set('peer', Buffer.from('session'))
    const [taken = ''] = (await operator.keys('*')).filter(each => !names.includes(each))
    await lengthen(taken)
    t.is(await other.tier.take('peer'), undefined)
    t.is(await operator.exists(taken), 0)
    t.true(2 ** 30 - line.budget < 2 ** 20)
    t.is(other.tier.stats().unreadable, 2)
  })
}

test('store: servers that trust different clients share no sessions through it', async t => {
  const store = await startStore(t)
  const keys = [randomBytes(32)]
  const operator = (await connectTo(t, 'ioredis', store.port)) as Redis
  const [{ cert, issue }, others] = [await testAuthority(), await createAuthority({ algorithm: 'ecdsa' })]
  const host = async (options: tls.TlsOptions) =>
    startHost(
      t,
      { client: await connectTo(t, 'ioredis', store.port), keys, timeout: 10_000 },
      { ...WITH_IDS, ...options },
    )
  const client = await issue({ commonName: 'client', usage: 'client' })
  const one = await host({ requestCert: true, ca: cert })
  const { session } = await visit(one, undefined, client)
  await until(async () => (await operator.dbsize()) === 1)
  for (const options of [
    { requestCert: true, ca: others.cert },
    {},
    { requestCert: true, ca: cert, rejectUnauthorized: false },
  ]) {
    const other = await host(options)
    await visit(other, session, client).catch(() => {})
    t.is(other.handshakes.resumed, 0)
    t.is(other.tier.stats().hits, 0)
  }
  t.true((await visit(await host({ requestCert: true, ca: cert }), session, client)).resumed)
})

test('look-up: a client that leaves during it disturbs no other', async t => {
  const { line, operator, one, other } = await startSite(t, 'ioredis', 10_000)
  const session = await made(one, operator)
  line.delay = 300
  const sockets = Array.from({ length: 5 }, () => {
    const socket = tls.connect({
      port: other.port,
      host: '127.0.0.1',
      servername: 'localhost',
      ca: other.ca,
      session,
    })
    socket.on('error', () => {})
    return socket
  })
  await until(() => other.tier.stats().lookups > 0)
  for (const socket of sockets) socket.destroy()
  await until(() => other.tier.stats().hits === other.tier.stats().lookups)
  t.true((await visit(other, session)).resumed)
})

test('look-up: a release or a change of client trust during it counts', async t => {
  const { line, operator, one, other, host } = await startSite(t, 'ioredis', 10_000)
  const session = await made(one, operator)
  line.delay = 300
  const { cert, issue } = await testAuthority()
  const context = tls.createSecureContext({
    ...(await issue({ commonName: 'o', usage: 'server' })),
    ca: cert,
  })
  const unlike = await host()
  const changes = new Map<Host, () => void>([
    [other, () => other.resumption[Symbol.dispose]()],
    [
      unlike,
      () => {
        unlike.server.addContext('other.example', context)
        Object.assign(unlike.server, { requestCert: true })
      },
    ],
  ])
  for (const [host, change] of changes) {
    const visited = visit(host, session)
    await until(() => host.tier.stats().lookups > 0)
    change()
    t.false((await visited).resumed)
    t.is(host.tier.stats().hits, 1)
    t.is(host.sessionCache.size, 0, 'nor is it kept')
  }
})

test('look-up: TLS 1.3 does not depend on it, and a server with only TLS 1.3 does none', async t => {
  const store = await startStore(t)
  const options = async () => ({ client: await connectTo(t, 'ioredis', store.port), keys: [randomBytes(32)] })
  const both = await startHost(t, await options(), {})
  const alone = await startHost(t, await options(), { minVersion: 'TLSv1.3' })
  store.pause()
  for (const host of [both, alone]) {
    const { session } = await visit(host)
    t.true((await visit(host, session)).resumed, 'by its ticket')
  }
  t.true(both.tier.stats().lookups > 0)
  t.is(alone.tier.stats().lookups, 0)
  t.deepEqual([both.tier.stats().stores, alone.tier.stats().stores], [0, 0])
})

test('store: bytes that are not a reply lead to full handshakes', async t => {
  const noise = net.createServer(socket => {
    socket.on('error', () => {})
    socket.on('data', () => socket.write(randomBytes(50)))
  })
  noise.listen(0, '127.0.0.1')
  await once(noise, 'listening')
  t.teardown(() => noise.close())
  const { Redis } = await import('ioredis')
  const client = new Redis((noise.address() as net.AddressInfo).port, '127.0.0.1', {
    retryStrategy: () => 50,
  })
  client.on('error', () => {})
  t.teardown(() => client.disconnect())
  const host = await startHost(t, { client, keys: [randomBytes(32)] })
  const { session } = await visit(host)
  host.sessionCache.clear()
  for (let n = 0; n < 5; n++) t.false((await visit(host, session)).resumed)
})
