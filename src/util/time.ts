/**
 * Clocks and timers of this package, taken from Node.js when it loads: tests of an application may replace the global
 * ones by fake clocks.
 */
import process from 'node:process'
import * as node from 'node:timers'

export const SECOND = 1000
export const MINUTE: number = 60 * SECOND
export const HOUR: number = 60 * MINUTE
export const DAY: number = 24 * HOUR
/** The longest lifetime of a TLS 1.3 ticket: RFC 8446 section 4.6.1. */
export const SEVEN_DAYS: number = 7 * DAY

const { hrtime } = process

/** Node's own timers. Constants, since a test of an application may replace what `node:timers` exports, too. */
export const timers: Pick<
  typeof node,
  'clearInterval' | 'clearTimeout' | 'setImmediate' | 'setInterval' | 'setTimeout'
> = {
  clearInterval: node.clearInterval,
  clearTimeout: node.clearTimeout,
  setImmediate: node.setImmediate,
  setInterval: node.setInterval,
  setTimeout: node.setTimeout,
}

export function setTimeout(callback: (_: undefined) => void, milliseconds: number): NodeJS.Timeout
export function setTimeout<Args extends unknown[]>(
  callback: (...args: Args) => void,
  milliseconds: number,
  ...args: Args
): NodeJS.Timeout
export function setTimeout<Args extends unknown[]>(
  callback: (...args: Args) => void,
  milliseconds: number,
  ...args: Args
): NodeJS.Timeout {
  return timers.setTimeout(callback, milliseconds, ...args)
}

export function setInterval(callback: () => void, milliseconds: number): NodeJS.Timeout {
  return timers.setInterval(callback, milliseconds)
}

export function setImmediate<Args extends unknown[]>(
  callback: (...args: Args) => void,
  ...args: Args
): NodeJS.Immediate {
  return timers.setImmediate(callback, ...args)
}

export function clearTimeout(timer: NodeJS.Timeout | undefined): void {
  timers.clearTimeout(timer)
}

export function clearInterval(timer: NodeJS.Timeout | undefined): void {
  timers.clearInterval(timer)
}

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
