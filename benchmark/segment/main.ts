/**
 * `npm run bench:segment [-- --quick --record --json FILE --rounds N]`: measures caches and ticket keys in files.
 *
 * It measures operations from 1, 2 and 8 processes, handshakes of processes that share a file, workers that are killed,
 * memory, and opening.
 *
 * Beside it stand the memory of one process, npm's `lmdb`, and Redis on a unix socket, each if it is installed.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { runBenchmark } from '../lib/runner.ts'
import { handshakes } from './handshakes.ts'
import { killedWorkers } from './killed-workers.ts'
import { memoryAndOpening } from './memory.ts'
import { operations } from './operations.ts'

await runBenchmark('segment', { quick: 2, full: 10 }, async ({ quick, rounds, progress }) => {
  const folder = mkdtempSync('/dev/shm/tls-resumption-bench-')
  try {
    const parts = [
      await operations(folder, rounds, quick ? 150 : 500, progress),
      await handshakes(folder, rounds, progress),
      await killedWorkers(folder, quick ? 1 : 3, progress),
      await memoryAndOpening(folder, rounds, progress),
    ]
    const [tables, targets] = [parts.map(({ table }) => table), parts.flatMap(part => part.targets)]
    return { tables, targets, versions: {} }
  } finally {
    rmSync(folder, { recursive: true })
  }
})
