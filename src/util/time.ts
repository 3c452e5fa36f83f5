/**
 * Clocks and timers of this package, taken from Node.js when it loads: tests of an application may replace the global
 * ones by clocks that stand still.
 */
import { performance } from 'node:perf_hooks'

export { clearInterval, clearTimeout, setImmediate, setInterval, setTimeout } from 'node:timers'

export const SECOND = 1000
export const MINUTE: number = 60 * SECOND
export const HOUR: number = 60 * MINUTE
/** The longest that a session may be kept: RFC 8446 section 4.6.1. */
export const SEVEN_DAYS: number = 7 * 24 * HOUR

/** What the two functions below read. A test may replace it. */
export const clock: { monotonic(): number; wall(): number } = {
  monotonic: performance.now.bind(performance),
  wall: Date.now,
}

/** Returns milliseconds of a clock that is never set. Its zero has no meaning. */
export function monotonicNow(): number {
  return clock.monotonic()
}

/** Returns milliseconds since 1970, by the clock of the system, which may be set. */
export function wallClock(): number {
  return clock.wall()
}
