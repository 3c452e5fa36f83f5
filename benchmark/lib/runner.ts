import { benchmarkOptions } from './options.ts'
import { createProgress, type Progress } from './progress.ts'
import { type Findings, report } from './record.ts'

/** The run of a benchmark. */
export interface Run {
  /** A smaller run, to look at or for a report. */
  quick: boolean
  /** The number of rounds. */
  rounds: number
  progress: Progress
}

/**
 * Runs the benchmark `npm run bench:NAME` with the options of the command line, and reports its findings. `usual`
 * has the default numbers of rounds.
 */
export async function runBenchmark(
  name: string,
  usual: { quick: number; full: number },
  measure: (run: Run) => Promise<Omit<Findings, 'name' | 'command'>>,
): Promise<void> {
  const { quick, rounds, command, output } = benchmarkOptions(name, usual)
  const progress = createProgress()
  try {
    const findings = await measure({ quick, rounds, progress })
    progress.stop()
    report({ name, command, ...findings }, output)
  } finally {
    progress.stop()
  }
}
