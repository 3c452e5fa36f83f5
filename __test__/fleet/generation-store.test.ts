/** Revocations reach all hosts through a real store. */
import { randomBytes } from 'node:crypto'
import tls from 'node:tls'
import type { ExecutionContext } from 'ava'
import type { Redis } from 'ioredis'
import { resumeSessions, revokeSessions, SessionCache, TicketKeys } from 'tls-resumption'
import { RedisTier } from 'tls-resumption/redis'
import { checkTier } from '../../dist/fleet/second-tier.js'
import { testAuthority } from '../support/server.ts'
import { connectTo, startStore, until } from '../support/store.ts'
import { testWithStore as test } from '../support/test-with-store.ts'

const keys = [randomBytes(32)]

async function startPart(t: ExecutionContext, port: number, sealing = keys) {
  const client = (await connectTo(t, 'ioredis', port)) as Redis
  const part = checkTier(new RedisTier({ client, keys: sealing }))
  if (part === undefined) throw new Error('no tier')
  return { part, client }
}

test('generation: it only grows, and all hosts read the highest', async t => {
  const store = await startStore(t)
  const [one, other] = [await startPart(t, store.port), await startPart(t, store.port)]
  t.is(await one.part.raiseGeneration('server', 0), 0)
  t.is(await one.part.raiseGeneration('server', 3), 3)
  t.is(await other.part.raiseGeneration('server', 1), 3)
  t.is(await other.part.raiseGeneration('another server', 0), 0)
  t.is(await one.part.raiseGeneration('server', 0), 3)
})

for (const [what, put] of Object.entries<(client: Redis, name: string) => Promise<unknown>>({
  text: (client, name) => client.set(name, 'maintenance'),
  'a long number': (client, name) => client.set(name, '9'.repeat(300)),
  'a negative number': (client, name) => client.set(name, '-5'),
  'a list': async (client, name) => {
    await client.del(name)
    await client.rpush(name, '1')
  },
  '64 MiB': (client, name) => client.setrange(name, 64 * 2 ** 20 - 1, 'x'),
})) {
  test(`generation: ${what} in its place is replaced by what a host knows`, async t => {
    const { part, client } = await startPart(t, (await startStore(t)).port)
    await part.raiseGeneration('server', 2)
    const [name = ''] = await client.keys('*')
    await put(client, name)
    t.is(await part.raiseGeneration('server', 2), 2)
    t.is(await client.get(name), '2')
  })
}

test('generation: hosts that change the sealing key one by one agree', async t => {
  const store = await startStore(t)
  const [old, next] = [randomBytes(32), randomBytes(32)]
  const [before, between, after] = [
    await startPart(t, store.port, [old]),
    await startPart(t, store.port, [next, old]),
    await startPart(t, store.port, [next]),
  ]
  t.is(await before.part.raiseGeneration('server', 4), 4)
  t.is(await between.part.raiseGeneration('server', 0), 4)
  t.is(await after.part.raiseGeneration('server', 0), 4)
})

test('revokeSessions: without the store it takes effect here at once, and resolves when the store has it', async t => {
  const store = await startStore(t)
  const { issue } = await testAuthority()
  const identity = await issue({ commonName: t.title.slice(0, 20), dnsNames: ['a.example'], usage: 'server' })
  const client = await connectTo(t, 'ioredis', store.port)
  const tier = new RedisTier({ client, keys })
  const server = tls.createServer(identity)
  const resumption = resumeSessions(server, { sessionCache: new SessionCache(), tier })
  const ring = new TicketKeys({ name: t.title, tier })
  ring.attach(server)
  t.teardown(() => {
    resumption[Symbol.dispose]()
    ring[Symbol.dispose]()
  })
  const contexts: string[] = []
  const { context } = (
    server as unknown as { _sharedCreds: { context: { setSessionIdContext(text: string): void } } }
  )._sharedCreds
  context.setSessionIdContext = text => contexts.push(text)
  await store.kill()
  let isDone = false
  const revoked = revokeSessions(server).then(() => {
    isDone = true
  })
  t.is(contexts.length, 1, 'the sessions of this host are bound to another context')
  await new Promise(resolve => setTimeout(resolve, 500))
  t.false(isDone)
  await store.restart()
  await revoked
  const operator = (await connectTo(t, 'ioredis', store.port)) as Redis
  await until(async () =>
    (await Promise.all((await operator.keys('tls-resumption:*')).map(name => operator.get(name)))).includes(
      '1',
    ),
  )
  t.true(isDone)
})
