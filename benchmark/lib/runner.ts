import { benchmarkOptions } from './options.ts'
import { createProgress, type Progress } from './progress.ts'
import { type Findings, report } from './record.ts'

/** What a benchmark knows of the run that it is part of. */
export interface Run {
  /** A smaller run, for a look or a report. */
  quick: boolean
  /** How often everything is measured. */
  rounds: number
  progress: Progress
}

/**
 * Runs the benchmark `npm run bench:NAME` with the options of the command line, and reports its findings. Without
 * `--rounds`, the number of rounds is the one of `usual`.
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
