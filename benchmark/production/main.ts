/**
 * `npm run bench:production [-- --quick --record --json FILE]`: measures a day of a gateway in less than a minute, with and
 * without this package. Then an edge server whose clients come back, beside nginx and HAProxy.
 */
import { createAuthority } from '../../fixtures/certificates.ts'
import { runBenchmark } from '../lib/runner.ts'
import { edges, edgeTable } from './edge/edges.ts'
import { days, dayTable } from './gateway/day.ts'

await runBenchmark('production', { quick: 1, full: 1 }, async ({ quick, progress }) => {
  const authority = await createAuthority({ algorithm: 'rsa' })
  const seconds = quick ? 8 : 40
  const figures = await days(authority, seconds, what => progress.phase(what))
  const clients = quick ? 200 : 10_000
  const { edges: served, versions } = await edges(authority, clients, what => progress.phase(what))
  return {
    tables: [dayTable(figures, seconds), edgeTable(served, clients)],
    targets: [],
    versions,
  }
})
process.exit()
