/**
 * `npm run bench:redis [-- --quick --record --json FILE --rounds N]`: measures what a look-up through Redis costs, beside
 * the client's own GET and the memory of the process. Starts a server of its own: `redis-server` has to be installed.
 */
import { execFileSync } from 'node:child_process'
import { program } from '../../__test__/support/store.ts'
import { versionsOf } from '../lib/packages.ts'
import { runBenchmark } from '../lib/runner.ts'
import { lookUpTable, measureLookUps } from './look-ups.ts'

if (program === undefined) throw new Error('redis-server or valkey-server has to be installed')

await runBenchmark('redis', { quick: 5, full: 20 }, async ({ quick, rounds, progress }) => {
  const effort = { rounds, sequential: quick ? 100 : 300, batches: quick ? 15 : 40 }
  const { ioredis = '', redis = '' } = versionsOf('ioredis', 'redis')
  return {
    tables: [lookUpTable(await measureLookUps(effort, progress), effort)],
    targets: [],
    versions: { ...storeVersion(), ioredis, 'the package redis': redis },
  }
})

/** Reads name and version: `Redis server v=7.0.15 …`, `Valkey server v=8.0.1 …`. */
function storeVersion(): Record<string, string> {
  const text = execFileSync(program ?? '', ['--version'], { encoding: 'utf8' })
  const [, name = 'store', version = ''] = text.match(/^(\w+) server v=(\S+)/) ?? []
  return { [name]: version }
}
