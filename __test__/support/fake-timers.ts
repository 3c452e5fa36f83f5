import { clock, timers } from '../../dist/util/time.js'

/** Stops the clock by which this thread measures: each connection seems fast. Returns a function that restores it. */
export function withoutClock(): () => void {
  const { monotonic } = clock
  const stopped = monotonic()
  clock.monotonic = () => stopped
  return () => {
    clock.monotonic = monotonic
  }
}

/**
 * Stops the timers of this thread from `from` milliseconds on, and the clock by which it measures. A wait that no event
 * ends then never ends, and each connection seems fast enough to wait, on however slow a machine. Returns a function that
 * restores both.
 */
export function withoutTimers(from = 50): () => void {
  const { setTimeout } = timers
  const restoreClock = withoutClock()
  const replace = (by: typeof setTimeout) => {
    globalThis.setTimeout = by
    timers.setTimeout = by
  }
  const never = (callback: () => void, ms?: number) =>
    setTimeout(callback, ms !== undefined && ms >= from ? 2 ** 30 : ms)
  replace(Object.assign(never, setTimeout) as typeof setTimeout)
  return () => {
    restoreClock()
    replace(setTimeout)
  }
}
