/** Session ids of TLS 1.2 over processes and hosts, through a real store. */
import { randomBytes } from 'node:crypto'
import { TicketKeys } from 'tls-resumption'
import {
  CLIENTS,
  connectTo,
  connectToCluster,
  startClusterOfStores,
  startStore,
  until,
} from '../support/store.ts'
import { testWithStore as test } from '../support/test-with-store.ts'
import { startHost, visit } from '../support/tiered-host.ts'

for (const kind of CLIENTS) {
  test(`${kind}: a session ID of one host resumes at another`, async t => {
    const store = await startStore(t)
    const keys = [randomBytes(32)]
    const one = await startHost(t, { client: await connectTo(t, kind, store.port), keys })
    const other = await startHost(t, { client: await connectTo(t, kind, store.port), keys })
    const { session } = await visit(one)
    await until(() => one.tier.stats().latency.max > 0)
    t.true((await visit(other, session)).resumed)
    t.like(other.tier.stats(), { lookups: 1, hits: 1 })
    t.true((await visit(other, session)).resumed)
    t.like(other.tier.stats(), { lookups: 1, hits: 1 }, 'from its own memory')
    t.deepEqual(other.handshakes, { full: 0, resumed: 2 })
  })

  test(`${kind}: a session ID of one host resumes at another through a Redis cluster`, async t => {
    const stores = await startClusterOfStores(t)
    const keys = [randomBytes(32)]
    const one = await startHost(t, { client: await connectToCluster(t, kind, stores), keys })
    const other = await startHost(t, { client: await connectToCluster(t, kind, stores), keys })
    for (let n = 1; n <= 5; n++) {
      const { session } = await visit(one)
      await until(() => one.tier.stats().stores === n)
      await until(async () => (await visit(other, session)).resumed)
    }
    t.is(other.tier.stats().hits, 5)
  })
}

test('a ticket of TLS 1.2 is accepted without the store, one of TLS 1.3 waits for it no longer than its timeout', async t => {
  const store = await startStore(t)
  const timeout = 200
  const client = await connectTo(t, 'ioredis', store.port)
  const host = await startHost(t, { client, keys: [randomBytes(32)], timeout }, {})
  new TicketKeys().attach(host.server)
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    const only = { minVersion: version, maxVersion: version }
    const { session } = await visit(host, undefined, only)
    const { lookups } = host.tier.stats()
    store.pause()
    const started = performance.now()
    t.true((await visit(host, session, only)).resumed)
    const took = performance.now() - started
    store.resume()
    // A ClientHello of TLS 1.3 has a random session ID, which looks like any other.
    t.is(host.tier.stats().lookups - lookups, version === 'TLSv1.3' ? 1 : 0)
    if (version === 'TLSv1.3') t.true(took > timeout / 2, 'it has waited')
    // Of the two seconds, most are for a machine that is busy.
    t.true(took < timeout + 2000)
  }
})
