/** When a difference counts. */
import { MODES, type Mode } from './modes.ts'

/** How often a program runs that fails with `auto` only. */
export const RUNS = 5

/** How many of these runs have to fail: machines are loaded and some programs fail now and then anywhere. */
export const ENOUGH = 3

/** Runs a program once. Resolves with how it failed, or undefined if it did not. */
export type Run = (mode: Mode) => Promise<string | undefined>

/** `auto` is the only mode that fails, `preload` any preload does, `always` it fails with plain Node.js as well. */
export type Culprit = 'none' | 'auto' | 'preload' | 'always'

export interface Verdict {
  culprit: Culprit
  /** How the last run of `auto` failed. */
  failure?: string
}

/** Runs a program as often as it takes to know which modes fail in {@link ENOUGH} of {@link RUNS} runs. */
export async function judge(run: Run): Promise<Verdict> {
  const failure = await failureOf(run, 'auto')
  if (failure === undefined) return { culprit: 'none' }
  for (const mode of MODES) {
    const culprit = mode === 'plain' ? 'always' : 'preload'
    if (mode !== 'auto' && (await failureOf(run, mode)) !== undefined) return { culprit, failure }
  }
  return { culprit: 'auto', failure }
}

/** Returns the last failure of a mode if most of its runs fail. One run that passes is enough to begin with. */
async function failureOf(run: Run, mode: Mode): Promise<string | undefined> {
  let failure = await run(mode)
  if (failure === undefined) return undefined
  let failures = 1
  for (let runs = 1; failures < ENOUGH && failures + RUNS - runs >= ENOUGH; runs++) {
    const again = await run(mode)
    if (again === undefined) continue
    failures++
    failure = again
  }
  return failures >= ENOUGH ? failure : undefined
}
