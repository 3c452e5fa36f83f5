/**
 * `npm run bench:servers [-- --quick --record --json FILE --rounds N]`: measures what resumption saves a server, by
 * session IDs and by tickets, beside other servers. Compares whole handshakes of this package with those of Node
 * alone. Also measures what a rotation and a million sessions cost.
 */
import { Pki } from '../lib/pki.ts'
import { runBenchmark } from '../lib/runner.ts'
import { endToEndTable, endToEndTargets } from './end-to-end.ts'
import { handshakes, handshakeTable } from './handshakes.ts'
import { held, heldTable, heldTargets } from './held.ts'
import { nginxVersion } from './nginx.ts'
import { ownCosts, ownTable, shareTable, shareTarget } from './own-cost.ts'
import { rotations, rotationTable, rotationTargets } from './rotation.ts'

await runBenchmark('servers', { quick: 3, full: 40 }, async ({ quick, rounds, progress }) => {
  const effort = { rounds, connections: quick ? 32 : 96 }
  const turns = quick ? 2 : 8
  const repeats = quick ? { times: 5000, rounds: 5 } : { times: 20_000, rounds: 21 }
  progress.phase('making certificates')
  const pki = await Pki.create()
  const single = await handshakes(pki, 1, effort, progress.phase)
  const inThreads = { rounds: Math.min(rounds, 20), connections: 48 }
  const threads = quick ? [] : await handshakes(pki, 2, inThreads, progress.phase)
  progress.phase('rotations')
  const rotated = await rotations(pki, turns)
  const sessions = quick ? 100_000 : 1_000_000
  progress.phase(`${sessions.toLocaleString('en')} sessions`)
  const million = held(sessions)
  progress.phase('cost of this package')
  const own = await ownCosts(pki, repeats)
  const nginx = nginxVersion()?.split('/')[1]
  return {
    tables: [
      handshakeTable(single, 1, effort),
      endToEndTable(single, effort),
      ...(quick ? [] : [{ ...handshakeTable(threads, 2, inThreads), isDetail: true }]),
      rotationTable(rotated, turns),
      heldTable(million),
      ownTable(own, repeats),
      shareTable(own, single),
    ],
    targets: [
      ...endToEndTargets(single),
      ...rotationTargets(rotated),
      shareTarget(own, single),
      ...heldTargets(million),
    ],
    ...(nginx ? { versions: { nginx } } : {}),
  }
})
// The threads of servers are still running.
process.exit()
