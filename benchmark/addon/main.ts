/**
 * `npm run bench:node [-- --quick --record --json FILE --rounds N]`: measures what the cache costs from JavaScript, beside
 * what it replaces.
 */
import { versionsOf } from '../lib/packages.ts'
import { runBenchmark } from '../lib/runner.ts'
import { realSession } from '../lib/session.ts'
import { type Holding, million } from './million/million.ts'
import { byId, byText } from './operations.ts'
import {
  millionTable,
  millionTargets,
  operationTable,
  operationTargets,
  scalingTable,
  scalingTargets,
  sharingTable,
  sharingTargets,
} from './tables.ts'
import { scaling, sharing } from './threads/threads.ts'

await runBenchmark('node', { quick: 7, full: 21 }, async ({ quick, rounds, progress }) => {
  const processes = quick ? 1 : 5
  const millisecondsOfTurn = quick ? 60 : 150
  progress.phase('one operation')
  const operations = { ...(await byText(rounds)), ...(await byId(await realSession(), rounds)) }
  progress.phase('two threads on one cache')
  const scales = await scaling(['get', 'borrow', 'exchange'], rounds, millisecondsOfTurn)
  progress.phase('ways to share between threads')
  const shared = await sharing(['get', 'borrow', 'set', 'exchange'], rounds, millisecondsOfTurn)
  const held: Holding[] = []
  while (held.length < processes) {
    progress.phase(`a million sessions, ${held.length + 1} of ${processes}`)
    held.push(await million())
  }
  return {
    tables: [operationTable(operations), scalingTable(scales), sharingTable(shared), millionTable(held)],
    targets: [
      ...operationTargets(operations),
      ...scalingTargets(scales),
      ...sharingTargets(shared),
      ...millionTargets(held),
    ],
    versions: versionsOf('lru-cache', 'tls-session-cache', 'lmdb'),
  }
})
