/**
 * Clocks and timers of this package, taken from Node.js when it loads: tests of an application may replace the global
 * ones by fake clocks.
 */
import { hrtime } from 'node:process'

export { clearInterval, clearTimeout, setImmediate, setInterval, setTimeout } from 'node:timers'

export const SECOND = 1000
export const MINUTE: number = 60 * SECOND
export const HOUR: number = 60 * MINUTE
export const DAY: number = 24 * HOUR
/** The longest lifetime of a TLS 1.3 ticket: RFC 8446 section 4.6.1. */
export const SEVEN_DAYS: number = 7 * DAY

/** The source of the two functions below. A test may replace it. */
export const clock: { monotonic(): number; wall(): number } = {
  // Not `performance`, whose module costs a process megabytes and a millisecond when it starts.
  monotonic: readMonotonic,
  wall: Date.now,
}

/** Returns milliseconds of a monotonic clock with an arbitrary zero. */
export function monotonicNow(): number {
  return clock.monotonic()
}

/** Returns milliseconds since 1970 by the system clock, which may be set. */
export function wallClock(): number {
  return clock.wall()
}

function readMonotonic(): number {
  const [seconds, nanoseconds] = hrtime()
  return seconds * SECOND + nanoseconds / 1e6
}
