/** What an agent keeps apart, and when it leaves resumption to `https.Agent`. */
import { once } from 'node:events'
import https from 'node:https'
import net, { type AddressInfo, type Socket } from 'node:net'
import tls, { type TLSSocket } from 'node:tls'
import test, { type ExecutionContext } from 'ava'
import {
  HttpsAgent,
  type HttpsAgentOptions,
  install,
  type ResumptionOptions,
  SessionCache,
  uninstall,
} from 'tls-resumption'
import { testAuthority } from '../../support/server.ts'

type Options = https.RequestOptions & ResumptionOptions

async function startHttps(t: ExecutionContext) {
  const { cert: ca, issue } = await testAuthority()
  const identity = await issue({ commonName: 'localhost', dnsNames: ['localhost'], usage: 'server' })
  const server = https.createServer(identity, (_, response) => response.end('hello'))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const agents: https.Agent[] = []
  t.teardown(() => {
    for (const agent of agents) agent.destroy()
    server.close()
    server.closeAllConnections()
  })
  return {
    ca,
    port,
    agent: (options: HttpsAgentOptions) => {
      const agent = new HttpsAgent({ ca, ...options })
      agents.push(agent)
      return agent
    },
    /** Returns how the request's connection began, and its local port, which differs between connections. */
    get: async (agent: https.Agent, options: Options = {}) => {
      const request = https.get({ host: 'localhost', port, agent, ...options } as https.RequestOptions)
      const [response] = await once(request, 'response')
      const socket = response.socket as TLSSocket
      const result = { resumed: socket.isSessionReused(), nearPort: socket.localPort }
      response.resume()
      await once(response, 'end')
      // Node hands the socket back to the agent a little later.
      await new Promise(resolve => setImmediate(resolve))
      return result
    },
  }
}

test('maxCachedSessions: 0 turns resumption off, as it does with https.Agent', async t => {
  const { agent, get } = await startHttps(t)
  const sessionCache = new SessionCache()
  const off = agent({ sessionCache, maxCachedSessions: 0 })
  for (let round = 0; round < 3; round++) t.false((await get(off)).resumed)
  t.is(sessionCache.stats().sets, 0)
  const on = agent({ sessionCache, maxCachedSessions: 1 })
  t.false((await get(on)).resumed)
  t.true((await get(on)).resumed)
})

test('requests with different partitions share no kept-alive connection', async t => {
  const { agent, get } = await startHttps(t)
  const pool = agent({ sessionCache: new SessionCache(), keepAlive: true })
  const nearPort = async (options: Options) => (await get(pool, options)).nearPort
  const [none, one, other] = [
    await nearPort({}),
    await nearPort({ cachePartition: 'one' }),
    await nearPort({ cachePartition: 'other' }),
  ]
  t.is(new Set([none, one, other]).size, 3)
  t.is(await nearPort({}), none)
  t.is(await nearPort({ cachePartition: 'one' }), one)
  t.is(await nearPort({ cachePartition: 'other' }), other)
})

test('no partition is named like another endpoint or partition', t => {
  const agent = new HttpsAgent({ sessionCache: null })
  const names = [
    {},
    { cachePartition: 'a' },
    { cachePartition: 'a:' },
    { cachePartition: '"a"' },
    { servername: 'a' },
    { servername: 'a', cachePartition: 'a' },
  ].map(options => agent.getName({ host: 'localhost', port: 1, ...options }))
  t.is(new Set(names).size, names.length)
  t.is(names[0], new https.Agent().getName({ host: 'localhost', port: 1 }))
})

test('a partition of a request goes before that of the agent', async t => {
  const { agent, get } = await startHttps(t)
  const sessionCache = new SessionCache()
  await get(agent({ sessionCache, cachePartition: 'one' }))
  t.false((await get(agent({ sessionCache, cachePartition: 'one' }), { cachePartition: 'other' })).resumed)
  t.true((await get(agent({ sessionCache }), { cachePartition: 'one' })).resumed)
})

test("agent: each request's own checkServerIdentity is asked, in any partition", async t => {
  const { agent, get } = await startHttps(t)
  const pool = agent({ sessionCache: new SessionCache(), cachePartition: 'tenant' })
  // One source text, so that nothing but the verdict differs.
  let asked = 0
  const pin = (verdict: Error | undefined) => () => {
    asked++
    return verdict
  }
  await get(pool, { checkServerIdentity: pin(undefined) })
  const before = asked
  await t.throwsAsync(get(pool, { checkServerIdentity: pin(new Error('not my pin')) }), {
    message: 'not my pin',
  })
  t.true(asked > before)
  for (const partition of [{}, { cachePartition: 'of the caller' }]) {
    for (let round = 0; round < 3; round++) {
      const { resumed } = await get(pool, { ...partition, checkServerIdentity: pin(undefined) })
      t.false(resumed)
    }
  }
})

test('agent: its own checkServerIdentity, one function for all requests, resumes', async t => {
  const { agent, get } = await startHttps(t)
  const checkServerIdentity = (host: string) => (host ? undefined : new Error('no host'))
  const pinned = agent({ sessionCache: new SessionCache(), checkServerIdentity } as HttpsAgentOptions)
  t.false((await get(pinned)).resumed)
  t.true((await get(pinned)).resumed)
})

test('agent: with sessionCache: null no option of a request makes it resume', async t => {
  const { agent, get } = await startHttps(t)
  const sessionCache = new SessionCache()
  for (const off of [agent({ sessionCache: null }), agent({ maxCachedSessions: 0 })]) {
    await get(off, { sessionCache })
    await get(off, { sessionCache, cachePartition: 'tenant' })
  }
  t.is(sessionCache.stats().sets, 0)
})

test('agent: with proxyEnv it leaves resumption to https.Agent', async t => {
  const { agent, get } = await startHttps(t)
  const sessionCache = new SessionCache()
  const proxied = agent({ sessionCache, proxyEnv: {} } as HttpsAgentOptions)
  t.false((await get(proxied)).resumed)
  t.true((await get(proxied)).resumed, 'which resumes by itself')
  await get(proxied, { sessionCache })
  t.deepEqual([sessionCache.stats().sets, sessionCache.stats().misses], [0, 0])
})

type Create = (...args: unknown[]) => Socket

/** The older forms, in which applications and libraries call the method themselves. */
const FORMS: Record<string, (port: number, options: object) => unknown[]> = {
  '(port, host, options)': (port, options) => [port, 'localhost', options],
  '(port, options)': (port, options) => [port, options],
  '(options)': (port, options) => [{ port, host: 'localhost', ...options }],
}

for (const [form, argumentsFor] of Object.entries(FORMS)) {
  test(`createConnection${form} connects as that of https.Agent does`, async t => {
    const { ca, port, agent } = await startHttps(t)
    const plain = new https.Agent({ ca })
    for (const one of [plain, agent({ sessionCache: new SessionCache() }), agent({ sessionCache: null })]) {
      const socket = (one.createConnection as Create).apply(
        one,
        argumentsFor(port, { ca, servername: 'localhost' }),
      )
      await once(socket, 'secureConnect')
      t.true((socket as TLSSocket).authorized)
      t.is(socket.remotePort, port)
      socket.destroy()
    }
  })
}

test('createConnection() without anything is refused as by https.Agent', t => {
  const messageOf = (agent: https.Agent) => {
    const { message } = t.throws(() => (agent.createConnection as Create).apply(agent, []))
    return message
  }
  t.is(messageOf(new HttpsAgent({ sessionCache: new SessionCache() })), messageOf(new https.Agent()))
})

type Callback = (error: Error | null, socket: Socket) => void
type Dial = (
  this: https.Agent,
  parent: Create,
  options: tls.ConnectionOptions,
  callback?: Callback,
) => unknown

/** What subclasses of an agent do in a `createConnection` of their own. */
const SUBCLASSES: Record<string, Dial> = {
  'changes the options and calls that of its class': function (parent, options, callback) {
    return parent.call(this, { ...options, ALPNProtocols: ['http/1.1'] }, callback)
  },
  'calls tls.connect': (_parent, options) => tls.connect(options),
  'calls tls.connect over a socket that is still connecting': (_parent, { host, port, ...options }) =>
    tls.connect({ ...options, servername: host ?? '', socket: net.connect(Number(port), host) }),
  'returns its socket by the callback': (_parent, { host, port, ...options }, callback) => {
    const under = net.connect(Number(port), host)
    under.once('connect', () =>
      callback?.(null, tls.connect({ ...options, servername: host ?? '', socket: under })),
    )
    return undefined
  },
}

/** Gives an agent class a `createConnection` of its own. */
function makeSubclass(Base: typeof https.Agent, dial: Dial): typeof https.Agent {
  return class extends Base {
    override createConnection(options: https.RequestOptions, callback?: never) {
      const parent = Base.prototype.createConnection as unknown as Create
      return dial.call(this, parent, options as tls.ConnectionOptions, callback) as Socket
    }
  }
}

for (const [what, dial] of Object.entries(SUBCLASSES)) {
  // Serial, since they install.
  test.serial(
    `agent: a subclass whose createConnection ${what} resumes, and works as with plain Node`,
    async t => {
      const { ca, get } = await startHttps(t)
      const visit = async (Base: typeof https.Agent, options: https.AgentOptions) => {
        const agent = new (makeSubclass(Base, dial))({ ca, ...options })
        const resumed: boolean[] = []
        for (let round = 0; round < 3; round++) resumed.push((await get(agent)).resumed)
        const other = new (makeSubclass(Base, dial))(options)
        const { message } = (await t.throwsAsync(get(other))) as Error
        return { resumed, message }
      }
      const plain = await visit(https.Agent, { maxCachedSessions: 0 })
      t.deepEqual(plain.resumed, [false, false, false])
      t.teardown(uninstall)
      install({ sessionCache: new SessionCache() })
      const installed = await visit(https.Agent, {})
      t.deepEqual(installed, { resumed: [false, true, true], message: plain.message })
      uninstall()
      // An HttpsAgent resumes what its own method connects.
      const own = await visit(HttpsAgent, { sessionCache: new SessionCache() } as HttpsAgentOptions)
      t.is(own.message, plain.message)
      if (what.includes('that of its class')) t.deepEqual(own.resumed, [false, true, true])
    },
  )
}
