import { syncBuiltinESMExports } from 'node:module'
import timers from 'node:timers'
import { clock } from '../../dist/util/time.js'

/**
 * Stops the timers of this thread from `from` milliseconds on, and the clock by which it measures. A wait that no event
 * ends then never ends, and each connection seems fast enough to wait, on however slow a machine. Returns a function that
 * restores both.
 */
export function withoutTimers(from = 50): () => void {
  const { setTimeout } = timers
  const { monotonic } = clock
  const stopped = monotonic()
  const replace = (by: typeof setTimeout) => {
    globalThis.setTimeout = by
    timers.setTimeout = by
    syncBuiltinESMExports()
  }
  const never = (callback: () => void, ms?: number) =>
    setTimeout(callback, ms !== undefined && ms >= from ? 2 ** 30 : ms)
  clock.monotonic = () => stopped
  replace(Object.assign(never, setTimeout) as typeof setTimeout)
  return () => {
    clock.monotonic = monotonic
    replace(setTimeout)
  }
}
