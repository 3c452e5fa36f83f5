import { syncBuiltinESMExports } from 'node:module'
import timers from 'node:timers'

/**
 * Stops timers of `from` milliseconds or more in this thread. A wait that no event ends then never ends, on however slow
 * a machine. Returns a function that restores the timers.
 */
export function withoutTimers(from = 200): () => void {
  const { setTimeout } = timers
  const replace = (by: typeof setTimeout) => {
    globalThis.setTimeout = by
    timers.setTimeout = by
    syncBuiltinESMExports()
  }
  const never = (callback: () => void, ms?: number) =>
    setTimeout(callback, ms !== undefined && ms >= from ? 2 ** 30 : ms)
  replace(Object.assign(never, setTimeout) as typeof setTimeout)
  return () => replace(setTimeout)
}
