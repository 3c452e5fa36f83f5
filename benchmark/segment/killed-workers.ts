/** What clients lose when workers of a cluster are killed by SIGKILL under load, one after the other, and replaced. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Killed } from '../../__test__/workers/cluster-killed.ts'
import { createAuthority } from '../../fixtures/certificates.ts'
import type { Progress } from '../lib/progress.ts'
import { judged } from '../lib/target.ts'
import type { Part } from './operations.ts'

const MODES = ['ring in a file', 'IDs in a file', 'plain'] as const

export async function killedWorkers(folder: string, runs: number, progress: Progress): Promise<Part> {
  const { cert, issue } = await createAuthority({ algorithm: 'ecdsa' })
  const identity = JSON.stringify(await issue({ commonName: 'localhost', usage: 'server' }))
  const script = fileURLToPath(new URL('../../__test__/workers/cluster-killed.ts', import.meta.url))
  const sums = MODES.map(mode => ({ mode, completed: 0, lost: 0, failed: 0, failedForNoReason: 0 }))
  for (let run = 0; run < runs; run++) {
    for (const sum of sums) {
      progress.phase(`killed workers, run ${run + 1} of ${runs}: ${sum.mode}`)
      const args = [...process.execArgv, script, sum.mode, identity, cert, join(folder, `${sum.mode} ${run}`)]
      const { stdout } = await promisify(execFile)(process.execPath, args)
      const killed: Killed = JSON.parse(stdout)
      for (const count of ['completed', 'lost', 'failed', 'failedForNoReason'] as const) {
        sum[count] += killed[count]
      }
    }
  }
  const inFiles = sums.filter(({ mode }) => mode !== 'plain')
  return {
    table: {
      id: 'killed-workers',
      title: 'Workers of a cluster that are killed by SIGKILL while 8 clients reconnect, and replaced',
      columns: [
        { title: 'sessions of the workers' },
        { title: 'connections with a session' },
        { title: 'of them full handshakes' },
        { title: 'failed with their worker' },
        { title: 'failed otherwise' },
      ],
      rows: sums.map(({ mode, completed, lost, failed, failedForNoReason }) => [
        mode === 'plain'
          ? 'tickets of Node.js alone'
          : mode === 'ring in a file'
            ? 'tickets, keys in a file'
            : 'IDs in a file',
        completed,
        lost,
        failed - failedForNoReason,
        failedForNoReason,
      ]),
      samples: `${runs} runs of 4 kills each`,
    },
    targets: [
      judged({
        figure: 'resumptions lost to killed workers, but those under way',
        atMost: 0,
        value: inFiles.reduce((sum, { lost, failedForNoReason }) => sum + lost + failedForNoReason, 0),
      }),
    ],
  }
}
