import { parseArgs } from 'node:util'

/** What every benchmark is told on its command line. */
export interface BenchmarkOptions {
  /** A smaller run, for a look or a report. */
  quick: boolean
  /** How often everything is measured. */
  rounds: number
  /** Repeats the run. */
  command: string
  /** Where the findings go, as `report` takes it. */
  output: { record: boolean; file?: string }
}

/**
 * `--quick --record --json FILE --rounds N` for `npm run bench:NAME`; `usual` are the numbers of rounds when none is
 * given.
 */
export function benchmarkOptions(name: string, usual: { quick: number; full: number }): BenchmarkOptions {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      record: { type: 'boolean', default: false },
      json: { type: 'string' },
      rounds: { type: 'string' },
    },
  })
  const { quick, record, json } = values
  const rounds = Number(values.rounds ?? (quick ? usual.quick : usual.full))
  if (!Number.isInteger(rounds) || rounds < 1)
    throw new RangeError(`--rounds must be an integer, not ${values.rounds}`)
  const flags = [...(quick ? ['--quick'] : []), ...(values.rounds ? ['--rounds', `${rounds}`] : [])]
  return {
    quick,
    rounds,
    command: [`npm run bench:${name}`, ...(flags.length ? ['--', ...flags] : [])].join(' '),
    output: { record, ...(json === undefined ? {} : { file: json }) },
  }
}
