/**
 * `npm run bench:clients`: what reconnecting costs as drivers do it, with and without resumption. `--rounds N`; `--quick`:
 * in about a minute; `--json FILE`; `--record`: into benchmark/results.
 */
import { benchmarkOptions } from '../lib/options.ts'
import { Pki } from '../lib/pki.ts'
import { createProgress } from '../lib/progress.ts'
import { report } from '../lib/record.ts'
import { BURST, bursts } from './burst.ts'
import { fetches } from './fetch.ts'
import { ownCosts } from './own-cost.ts'
import { reconnects } from './reconnects.ts'
import { type Figures, tablesOf, targetsOf } from './tables.ts'
import { threads } from './threads.ts'

const { quick, rounds, command, output } = benchmarkOptions('clients', { quick: 5, full: 40 })
const plan = { rounds, inTurn: 8, atOnce: 16 }

const progress = createProgress()
progress.phase('making certificates')
const pki = await Pki.create()
const compared = await reconnects(pki, plan, kind => progress.phase(`reconnecting: ${kind}`))
progress.phase(`bursts of ${BURST}`)
const burst = await bursts(pki, rounds)
progress.phase('threads')
const counted = await threads(pki, quick ? 1 : 5)
progress.phase('fetch on each Node.js')
const fetched = await fetches(pki)
progress.phase('what our own code costs')
const own = await ownCosts(pki, compared, quick ? 80 : 500)
progress.stop()

const figures: Figures = {
  rounds,
  connections: plan.inTurn + plan.atOnce,
  compared,
  bursts: burst,
  threads: counted,
  fetches: fetched,
  ownCosts: own,
}
report(
  {
    name: 'clients',
    command,
    tables: tablesOf(figures),
    targets: targetsOf(figures),
  },
  output,
)
