/**
 * `npm run bench:node [-- --quick --record --json FILE --rounds N]`: what the cache costs from JavaScript, beside what
 * one would use instead.
 */
import { readFileSync } from 'node:fs'
import { benchmarkOptions } from '../lib/options.ts'
import { createProgress } from '../lib/progress.ts'
import { report } from '../lib/record.ts'
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

const { quick, rounds, command, output } = benchmarkOptions('node', { quick: 7, full: 21 })
const processes = quick ? 1 : 5
/** Milliseconds of a turn of a thread. */
const time = quick ? 60 : 150

const progress = createProgress()
progress.phase('one operation')
const operations = { ...(await byText(rounds)), ...(await byId(await realSession(), rounds)) }
progress.phase('two threads on one cache')
const scales = await scaling(['get', 'borrow', 'exchange'], rounds, time)
progress.phase('ways to share between threads')
const shared = await sharing(['get', 'borrow', 'set', 'exchange'], rounds, time)
const held: Holding[] = []
while (held.length < processes) {
  progress.phase(`a million sessions, ${held.length + 1} of ${processes}`)
  held.push(await million())
}
progress.stop()

report(
  {
    name: 'node',
    command,
    tables: [operationTable(operations), scalingTable(scales), sharingTable(shared), millionTable(held)],
    targets: [
      ...operationTargets(operations),
      ...scalingTargets(scales),
      ...sharingTargets(shared),
      ...millionTargets(held),
    ],
    versions: Object.fromEntries(
      ['lru-cache', 'tls-session-cache', 'lmdb'].map(name => [name, versionOf(name)]),
    ),
  },
  output,
)

function versionOf(name: string): string {
  const description = new URL(`../../node_modules/${name}/package.json`, import.meta.url)
  return JSON.parse(readFileSync(description, 'utf8')).version
}
