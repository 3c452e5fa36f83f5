/** Session ids of TLS 1.2 over processes and hosts, through a real store. */
import { randomBytes } from 'node:crypto'
import tls from 'node:tls'
import type { ExecutionContext } from 'ava'
import { resumeSessions, SessionCache } from 'tls-resumption'
import { RedisTier, type RedisTierOptions } from 'tls-resumption/redis'
import { finish, SSL_OP_NO_TICKET, startServer, type TestServer } from './helpers/server.ts'
import {
  CLIENTS,
  connectTo,
  connectToCluster,
  startClusterOfStores,
  startStore,
  testWithStore as test,
  until,
} from './helpers/store.ts'

const WITH_IDS: tls.TlsOptions = { maxVersion: 'TLSv1.2', secureOptions: SSL_OP_NO_TICKET }

interface Host extends TestServer {
  tier: RedisTier
  sessionCache: SessionCache
}

/** A server with a memory of its own, as on another host. */
async function startHost(t: ExecutionContext, options: RedisTierOptions, name = 'edge'): Promise<Host> {
  const tier = new RedisTier(options)
  const server = await startServer(t, WITH_IDS)
  // Of one name, as on hosts of a fleet; in one process that would be one memory.
  const sessionCache = Object.defineProperty(new SessionCache(), 'name', { value: name })
  resumeSessions(server.server, { sessionCache, tier })
  return { ...server, tier, sessionCache }
}

async function connect({ port, ca }: TestServer, session?: Buffer) {
  const socket = tls.connect({ port, ca, host: '127.0.0.1', servername: 'localhost', session })
  let latest = session
  socket.on('session', made => {
    latest = made
  })
  return { ...(await finish(socket)), session: latest }
}

for (const kind of CLIENTS) {
  test(`${kind}: an id of one host resumes at another`, async t => {
    const store = await startStore(t)
    const keys = [randomBytes(32)]
    const one = await startHost(t, { client: await connectTo(t, kind, store.port), keys })
    const other = await startHost(t, { client: await connectTo(t, kind, store.port), keys })
    const { session } = await connect(one)
    await until(() => one.tier.stats().latency.max > 0)
    t.true((await connect(other, session)).resumed)
    t.like(other.tier.stats(), { lookups: 1, hits: 1 })
    t.true((await connect(other, session)).resumed)
    t.like(other.tier.stats(), { lookups: 1, hits: 1 }, 'from its own memory')
    t.deepEqual(other.handshakes, { full: 0, resumed: 2 })
  })

  test(`${kind}: the same in a cluster of three`, async t => {
    const stores = await startClusterOfStores(t)
    const keys = [randomBytes(32)]
    const one = await startHost(t, { client: await connectToCluster(t, kind, stores), keys })
    const other = await startHost(t, { client: await connectToCluster(t, kind, stores), keys })
    for (let n = 1; n <= 5; n++) {
      const { session } = await connect(one)
      await until(() => one.tier.stats().stores === n)
      await until(async () => (await connect(other, session)).resumed)
    }
    t.is(other.tier.stats().hits, 5)
  })
}
