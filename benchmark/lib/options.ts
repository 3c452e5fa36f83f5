import { parseArgs } from 'node:util'

/** The options of every benchmark. */
export interface BenchmarkOptions {
  /** A smaller run, to look at or for a report. */
  quick: boolean
  /** The number of rounds. */
  rounds: number
  /** The command that repeats the run. */
  command: string
  /** Where `report` writes the findings. */
  output: { record: boolean; file?: string }
}

/**
 * Parses `--quick --record --json FILE --rounds N` for `npm run bench:NAME`. `usual` has the default numbers of
 * rounds.
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
