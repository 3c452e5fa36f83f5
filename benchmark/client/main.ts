/**
 * `npm run bench:clients [-- --quick --record --json FILE --rounds N]`: measures what reconnecting costs, as drivers do
 * it, with and without resumption. `--quick` takes about a minute.
 */
import { Pki } from '../lib/pki.ts'
import { runBenchmark } from '../lib/runner.ts'
import { BURST, bursts } from './burst.ts'
import { fetches } from './fetch.ts'
import { ownCosts } from './own-cost.ts'
import { reconnects } from './reconnects.ts'
import { type Figures, tablesOf, targetsOf } from './tables.ts'
import { threads } from './threads.ts'

await runBenchmark('clients', { quick: 5, full: 40 }, async ({ quick, rounds, progress }) => {
  const plan = { rounds, inTurn: 8, atOnce: 16 }
  progress.phase('making certificates')
  const pki = await Pki.create()
  const compared = await reconnects(pki, plan, kind => progress.phase(`reconnecting: ${kind}`))
  progress.phase(`bursts of ${BURST}`)
  const burst = await bursts(pki, rounds)
  progress.phase('threads')
  const counted = await threads(pki, quick ? 1 : 10)
  progress.phase('fetch on each Node.js')
  const fetched = await fetches(pki, quick ? 10 : 40)
  progress.phase('cost of this package')
  const own = await ownCosts(pki, compared, quick ? 80 : 500)
  const figures: Figures = {
    rounds,
    connections: plan.inTurn + plan.atOnce,
    compared,
    bursts: burst,
    threads: counted,
    fetches: fetched,
    ownCosts: own,
  }
  return { tables: tablesOf(figures), targets: targetsOf(figures) }
})
