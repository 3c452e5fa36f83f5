import { syncBuiltinESMExports } from 'node:module'
import timers from 'node:timers'

/**
 * Makes timers of so many milliseconds or more never fire in this thread, so that whoever is not woken by what he waits
 * for waits for ever, and no machine is too slow. Returns what undoes it.
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
