/**
 * `npm run bench:servers [-- --quick --record --json FILE --rounds N]`: what resuming saves a server, by ids and by
 * tickets, beside others; what a rotation costs; and what a million sessions do.
 */

import { benchmarkOptions } from '../lib/options.ts'
import { Pki } from '../lib/pki.ts'
import { createProgress } from '../lib/progress.ts'
import { report } from '../lib/record.ts'
import { handshakes, handshakeTable } from './handshakes.ts'
import { held, heldTable, heldTargets } from './held.ts'
import { nginxVersion } from './nginx.ts'
import { ownCosts, ownTable, shareTable, shareTarget } from './own-cost.ts'
import { rotations, rotationTable, rotationTargets } from './rotation.ts'

const { quick, rounds, command, output } = benchmarkOptions('servers', { quick: 3, full: 20 })
const effort = { rounds, connections: quick ? 32 : 48 }
const turns = quick ? 2 : 8
const repeats = quick ? { times: 5000, rounds: 5 } : { times: 20_000, rounds: 21 }

const progress = createProgress()
progress.phase('making certificates')
const pki = await Pki.create()
const alone = await handshakes(pki, 1, effort, progress.phase)
const threads = await handshakes(pki, 2, effort, progress.phase)
progress.phase('rotations')
const rotated = await rotations(pki, turns)
const sessions = quick ? 100_000 : 1_000_000
progress.phase(`${sessions.toLocaleString('en')} sessions`)
const million = held(sessions)
progress.phase('what our own code costs')
const own = await ownCosts(pki, repeats)
progress.stop()

const nginx = nginxVersion()?.split('/')[1]
report(
  {
    name: 'servers',
    command,
    tables: [
      handshakeTable(alone, 1, effort),
      handshakeTable(threads, 2, effort),
      rotationTable(rotated, turns),
      heldTable(million),
      ownTable(own, repeats),
      shareTable(own, alone),
    ],
    targets: [...rotationTargets(rotated), shareTarget(own, alone), ...heldTargets(million)],
    ...(nginx ? { versions: { nginx } } : {}),
  },
  output,
)
process.exit()
