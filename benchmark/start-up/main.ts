/**
 * `npm run bench:start-up [-- --quick --record --json FILE --rounds N]`: measures what the flag adds to the start of a
 * process that uses `https`, and to each worker thread.
 */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { inTurns } from '../lib/in-turns.ts'
import { checkPlain } from '../lib/plain.ts'
import type { Cell, ResultTable } from '../lib/result.ts'
import { runBenchmark } from '../lib/runner.ts'
import { type Estimate, estimate, median } from '../lib/statistics.ts'
import { judged } from '../lib/target.ts'

const program = fileURLToPath(new URL('started.mjs', import.meta.url))
const WORKERS = 8
const MEGABYTE = 2 ** 20

/** What a process says about its start. */
interface Started {
  /** Milliseconds of CPU until the program has loaded `https`. */
  cpu: number
  /** Milliseconds from the start of the process until then, by the clock. */
  time: number
  resident: number
  /** What no other process shares: without the pages of the program file. */
  own: number
  /** Bytes that each of the workers has added. */
  worker: number
  /** What the process has loaded, as `loadedFiles` returns it. */
  loaded: string[]
}

const WAYS: Record<string, { flags: string[]; off?: boolean }> = {
  'Node alone': { flags: [] },
  'with the flag': { flags: ['--import', 'tls-resumption/auto'] },
  'with the flag, TLS_RESUMPTION=off': { flags: ['--import', 'tls-resumption/auto'], off: true },
}

await runBenchmark('start-up', { quick: 7, full: 21 }, async ({ rounds, progress }) => {
  const names = Object.keys(WAYS)
  progress.update('starting processes')
  const started = await inTurns(names, rounds, async name => start(name))
  const [plain = []] = started
  const added = (which: number, figure: (one: Started) => number): Estimate => {
    const zero = median(plain.map(figure))
    return estimate((started[which] ?? []).map(one => figure(one) - zero))
  }
  const figures: [string, string, (one: Started) => number][] = [
    ['CPU', 'ms', one => one.cpu],
    ['time', 'ms', one => one.time],
    ['resident memory', 'MB', one => one.resident / MEGABYTE],
    ['memory of its own', 'MB', one => one.own / MEGABYTE],
    ['a worker: resident memory', 'MB', one => one.worker / MEGABYTE],
  ]
  const rows = figures.map(([title, unit, figure]): Cell[] => [
    `${title}, ${unit}`,
    estimate(plain.map(figure)),
    added(1, figure),
    added(2, figure),
  ])
  const table: ResultTable = {
    id: 'start',
    title: 'The start of a process',
    columns: [
      { title: 'until `https` is loaded' },
      { title: names[0] ?? '', digits: 1 },
      { title: 'added by the flag', digits: 1 },
      { title: 'added by the flag with TLS_RESUMPTION=off', digits: 1 },
    ],
    rows,
    samples: `${rounds} interleaved starts, differences to the median of Node alone`,
    remark: `Resident memory counts pages of the program file that the process has read, which all processes share.
Memory of its own (\`Private_Dirty\` of Linux) does not. Code for connections is loaded with the first connection.`,
  }
  return {
    tables: [table],
    targets: [
      {
        figure: 'the flag: time of a start, added',
        atMost: 12,
        value: added(1, one => one.time),
        unit: 'ms',
      },
      {
        figure: 'the flag: resident memory, added',
        atMost: 4,
        value: added(1, residentMegabytes),
        unit: 'MB',
      },
      judged({
        figure: 'the flag: a worker, added',
        atMost: 1,
        value: added(1, workerMegabytes),
        unit: 'MB',
        reason: 'Each worker has its own copy of the modules, as of all JavaScript.',
      }),
    ],
  }
})

function residentMegabytes({ resident }: Started): number {
  return resident / MEGABYTE
}

function workerMegabytes({ worker }: Started): number {
  return worker / MEGABYTE
}

function start(name: string): Started {
  const { flags, off } = WAYS[name] as { flags: string[]; off?: boolean }
  const { TLS_RESUMPTION: _, ...env } = process.env
  const { status, stdout, stderr } = spawnSync(process.execPath, [...flags, program, `${WORKERS}`], {
    env: off ? { ...env, TLS_RESUMPTION: 'off' } : env,
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(`${name}: ${stderr}`)
  const started = JSON.parse(stdout) as Started
  if (!off && !flags.length) checkPlain(name, started.loaded)
  const hasAddon = started.loaded.some(file => file.endsWith('.node'))
  if (hasAddon !== (name === 'with the flag')) throw new Error(`${name}: ${stdout}`)
  return started
}
