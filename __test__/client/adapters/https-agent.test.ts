import { once } from 'node:events'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import test, { type ExecutionContext } from 'ava'
import { HttpsAgent, SessionCache } from 'tls-resumption'
import { testAuthority } from '../../support/server.ts'

async function startHttps(t: ExecutionContext) {
  const { cert: ca, issue } = await testAuthority()
  const identity = await issue({ commonName: 'localhost', dnsNames: ['localhost'], usage: 'server' })
  const server = https.createServer(identity, (_, response) => response.end('hello'))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  const get = async (agent: https.Agent, options: https.RequestOptions & { sessionCache?: null } = {}) => {
    const request = https.get({
      host: 'localhost',
      port: (server.address() as AddressInfo).port,
      agent,
      ...options,
    })
    const [response] = await once(request, 'response')
    const socket = response.socket as TLSSocket
    const result = { resumed: socket.isSessionReused(), authorized: socket.authorized }
    response.resume()
    await once(response, 'end')
    return result
  }
  return { ca, get }
}

test('HttpsAgent: sessions outlive the agent', async t => {
  const { ca, get } = await startHttps(t)
  const sessionCache = new SessionCache()
  const results: boolean[] = []
  for (let i = 0; i < 3; i++) {
    const agent = new HttpsAgent({ ca, sessionCache })
    results.push((await get(agent)).resumed)
    agent.destroy()
  }
  t.deepEqual(results, [false, true, true])
})

test('HttpsAgent: without options it uses the default cache', async t => {
  const { ca, get } = await startHttps(t)
  t.false((await get(new HttpsAgent({ ca }))).resumed)
  t.true((await get(new HttpsAgent({ ca }))).resumed)
})

test('HttpsAgent: it reuses kept-alive connections, and the next connection resumes', async t => {
  const { ca, get } = await startHttps(t)
  const sessionCache = new SessionCache()
  const agent = new HttpsAgent({ ca, sessionCache, keepAlive: true })
  t.teardown(() => agent.destroy())
  await get(agent)
  await get(agent)
  const { sets } = sessionCache.stats()
  t.is(sets, 2, 'one connection, two tickets')
  agent.destroy()
  t.true((await get(agent)).resumed)
})

test('HttpsAgent: with singleUse it never offers a ticket twice', async t => {
  const { ca, get } = await startHttps(t)
  const agent = new HttpsAgent({ ca, sessionCache: new SessionCache({ singleUse: true }), maxSockets: 1 })
  const results: boolean[] = []
  for (let i = 0; i < 4; i++) results.push((await get(agent)).resumed)
  // Two tickets arrive after each full handshake, and none after a resumed one.
  t.deepEqual(results, [false, true, true, false])
})

test('HttpsAgent: sessionCache null disables resumption for the agent or one request', async t => {
  const { ca, get } = await startHttps(t)
  const sessionCache = new SessionCache()
  await get(new HttpsAgent({ ca, sessionCache }))
  const agent = new HttpsAgent({ ca, sessionCache })
  t.false((await get(agent, { sessionCache: null })).resumed)
  t.true((await get(agent)).resumed)
  t.false((await get(new HttpsAgent({ ca, sessionCache: null, maxCachedSessions: 0 }))).resumed)
})

test('HttpsAgent: agents with different partitions share no sessions', async t => {
  const { ca, get } = await startHttps(t)
  const sessionCache = new SessionCache()
  await get(new HttpsAgent({ ca, sessionCache, cachePartition: 'a' }))
  t.false((await get(new HttpsAgent({ ca, sessionCache, cachePartition: 'b' }))).resumed)
  t.true((await get(new HttpsAgent({ ca, sessionCache, cachePartition: 'a' }))).resumed)
})

test('HttpsAgent: an agent with another CA does not resume', async t => {
  const { ca, get } = await startHttps(t)
  const sessionCache = new SessionCache()
  await get(new HttpsAgent({ ca, sessionCache }))
  const error = await t.throwsAsync(get(new HttpsAgent({ sessionCache })))
  t.is((error as NodeJS.ErrnoException).code, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE')
})

test('HttpsAgent: a checkServerIdentity of one request is called although the agent has a session', async t => {
  const { ca, get } = await startHttps(t)
  const agent = new HttpsAgent({ ca, sessionCache: new SessionCache() })
  await get(agent)
  const refuse = () => new Error('pinned')
  await t.throwsAsync(get(agent, { checkServerIdentity: refuse }), { message: 'pinned' })
  t.true((await get(agent)).resumed)
})

test('HttpsAgent: it works as the global agent', async t => {
  const { ca, get } = await startHttps(t)
  const { globalAgent } = https
  t.teardown(() => {
    https.globalAgent = globalAgent
  })
  https.globalAgent = new HttpsAgent({ sessionCache: new SessionCache() })
  const request = (): Promise<{ resumed: boolean }> => get(undefined as never, { ca })
  t.false((await request()).resumed)
  t.true((await request()).resumed)
})

test('HttpsAgent: it is an https.Agent and keeps its options', t => {
  const agent = new HttpsAgent({ keepAlive: true, maxSockets: 7, sessionCache: null })
  t.true(agent instanceof https.Agent)
  t.is(agent.maxSockets, 7)
  t.false('sessionCache' in agent.options)
})

test('HttpsAgent: the constructor rejects invalid options', t => {
  t.throws(() => new HttpsAgent({ sessionCache: {} as never }), { code: 'ERR_INVALID_ARG_TYPE' })
  t.throws(() => new HttpsAgent({ cachePartition: '' }), { code: 'ERR_OUT_OF_RANGE' })
})
