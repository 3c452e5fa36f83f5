/** What an HttpsAgent must not share: connections, sessions, and the word of one caller for another. */
import { once } from 'node:events'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import test, { type ExecutionContext } from 'ava'
import { HttpsAgent, type ResumptionOptions, SessionCache } from 'tls-resumption'
import { testAuthority } from './helpers/server.ts'

async function startHttps(t: ExecutionContext) {
  const { cert: ca, issue } = await testAuthority()
  const server = https.createServer(
    await issue({ commonName: 'localhost', usage: 'server' }),
    (_, response) => response.end('hello'),
  )
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  const { port } = server.address() as AddressInfo
  const get = async (agent: https.Agent, options: https.RequestOptions & ResumptionOptions = {}) => {
    const request = https.get({ host: 'localhost', port, agent, ...options })
    const [response] = await once(request, 'response')
    const { socket } = response as { socket: TLSSocket }
    const result = { resumed: socket.isSessionReused(), isKept: request.reusedSocket }
    response.resume()
    await once(response, 'end')
    return result
  }
  return { ca, port, get }
}

test('requests of different partitions share neither a kept-alive connection nor a session', async t => {
  const { ca, get } = await startHttps(t)
  const agent = new HttpsAgent({ ca, keepAlive: true, sessionCache: new SessionCache() })
  t.teardown(() => agent.destroy())
  t.deepEqual(await get(agent, { cachePartition: 'a' }), { resumed: false, isKept: false })
  t.deepEqual(await get(agent, { cachePartition: 'b' }), { resumed: false, isKept: false })
  t.true((await get(agent, { cachePartition: 'a' })).isKept)
})

test('the partition of an agent is in the key', async t => {
  const { ca, get } = await startHttps(t)
  const sessionCache = new SessionCache()
  await get(new HttpsAgent({ ca, sessionCache, cachePartition: 'a' }))
  t.false((await get(new HttpsAgent({ ca, sessionCache, cachePartition: 'b' }))).resumed)
  t.true((await get(new HttpsAgent({ ca, sessionCache, cachePartition: 'a' }))).resumed)
})

test('the partition of an agent does not vouch for the check of a request', async t => {
  const { ca, get } = await startHttps(t)
  const agent = new HttpsAgent({ ca, sessionCache: new SessionCache(), cachePartition: 'tenant' })
  const pin = (isPinned: boolean) => () => (isPinned ? undefined : new Error('pinned'))
  await get(agent, { checkServerIdentity: pin(true) })
  await t.throwsAsync(get(agent, { checkServerIdentity: pin(false) }), { message: 'pinned' })
})

test('no cached sessions turns resumption off, as it does for https.Agent', async t => {
  const { ca, get } = await startHttps(t)
  const sessionCache = new SessionCache()
  for (let round = 0; round < 2; round++) {
    t.false((await get(new HttpsAgent({ ca, sessionCache, maxCachedSessions: 0 }))).resumed)
  }
  t.is(sessionCache.stats().sets, 0)
})

test('an agent that has opted out stays out, whatever a request brings', async t => {
  const { ca, get } = await startHttps(t)
  const sessionCache = new SessionCache()
  await get(new HttpsAgent({ ca, sessionCache: null }), { sessionCache })
  t.is(sessionCache.stats().sets, 0)
})

test('an agent with a proxy keeps nothing of what may be the leg to it', async t => {
  const { ca, get } = await startHttps(t)
  const sessionCache = new SessionCache()
  await get(new HttpsAgent({ ca, sessionCache, proxyEnv: {} } as ConstructorParameters<typeof HttpsAgent>[0]))
  t.is(sessionCache.stats().sets, 0)
})

test('createConnection may be called in the form of port, host and options', async t => {
  const { ca, port } = await startHttps(t)
  const agent = new HttpsAgent({ sessionCache: new SessionCache() })
  const createConnection = agent.createConnection as unknown as (...args: unknown[]) => TLSSocket
  const socket = createConnection.call(agent, port, '127.0.0.1', { ca, servername: 'localhost' })
  await once(socket, 'secureConnect')
  t.true(socket.authorized)
  socket.destroy()
})
