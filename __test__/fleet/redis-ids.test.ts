/** Session ids of TLS 1.2 over processes and hosts, through a real store. */
import { randomBytes } from 'node:crypto'
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
