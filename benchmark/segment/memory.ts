/** What a file of sessions takes, and how long it takes to open one. */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { SessionCache } from 'tls-resumption'
import type { Progress } from '../lib/progress.ts'
import { estimate } from '../lib/statistics.ts'
import { judged } from '../lib/target.ts'
import type { Part } from './operations.ts'

const SESSIONS = 10_000

/** Fills a file. Returns how many bytes more it takes for each session of this length. */
function growth(path: string, bytes: number): number {
  using cache = new SessionCache({ path })
  const allocated = () => cache.stats().file?.allocated ?? Number.NaN
  const empty = allocated()
  for (let n = 0; n < SESSIONS; n++) cache.set(`key ${n}`, Buffer.alloc(bytes, 1))
  return (allocated() - empty) / cache.size
}

/** Returns how many milliseconds another process needs to open the file. */
function openingTime(path: string): number {
  const script = fileURLToPath(new URL('./open.mjs', import.meta.url))
  return Number(execFileSync(process.execPath, [script, path], { encoding: 'utf8' }))
}

export async function memoryAndOpening(folder: string, rounds: number, progress: Progress): Promise<Part> {
  progress.phase('memory, and opening')
  const empty = new SessionCache({ path: join(folder, 'empty') }).stats().file?.allocated ?? Number.NaN
  const short = growth(join(folder, 'short'), 1000)
  const usual = growth(join(folder, 'usual'), 1700)
  const times = (path: (round: number) => string) =>
    estimate(Array.from({ length: rounds }, (_, round) => openingTime(path(round))))
  const made = times(round => join(folder, `made ${round}`))
  const opened = times(() => join(folder, 'usual'))
  return {
    table: {
      id: 'memory',
      title: `A file of ${SESSIONS.toLocaleString('en')} sessions`,
      columns: [{ title: 'figure' }, { title: 'value', digits: 2 }, { title: 'unit' }],
      rows: [
        ['the file of sessions, empty', empty / 1e6, 'MB'],
        ['more for each session of 1,000 bytes', short, 'bytes'],
        ['more for each session of 1,700 bytes', usual, 'bytes'],
        ['make the files', made, 'ms'],
        ['open them when they are full, in another process', opened, 'ms'],
      ],
      samples: `sizes once, times in ${rounds} processes each`,
    },
    targets: [
      judged({ figure: 'opening a file with 10,000 sessions', atMost: 5, value: opened, unit: 'ms' }),
    ],
  }
}
