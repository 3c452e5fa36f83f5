/**
 * Replaces the npm package `tls-session-cache`.
 *
 * @packageDocumentation
 * @module tls-resumption/compat
 */

import type tls from 'node:tls'
import { SessionCache } from './cache/session-cache.js'
import { resumeSessions } from './server/session-ids.js'
import { invalidArgType, outOfRange } from './util/errors.js'
import { SEVEN_DAYS } from './util/time.js'

/** A session with a client's certificate takes less, so that it is the number of sessions that bounds the cache. */
const BYTES_PER_SESSION = 4096
const MIN_SIZE = 64 * 2 ** 20
const MAX_SIZE = 2 ** 37 - 1
const MAX_SESSIONS = 100_000_000

/** The options of {@link cacheSessions}. */
export interface CompatOptions {
  /**
   * How many sessions are kept at most: a number above 0, or its text, as in the original. `Infinity` and numbers above
   * 100,000,000 stand for 100,000,000.
   * @defaultValue 100
   */
  maxCachedSessions?: number | string | undefined
}

/**
 * Does what {@link resumeSessions} does, with the signature of the npm package `tls-session-cache`. A program that uses
 * it changes only the name that it requires. The cache is the server's own. Other options are ignored, as
 * in the original.
 *
 * @throws `ERR_INVALID_ARG_TYPE` for anything but a server, `ERR_INVALID_ARG_TYPE` or `ERR_OUT_OF_RANGE` for
 * `maxCachedSessions`, `ERR_TLS_RESUMPTION_SERVER_IN_USE` for a server that has a listener for its session events.
 *
 * @example
 * ```ts
 * import tls from 'node:tls'
 * import cacheSessions from 'tls-resumption/compat'
 *
 * const server = tls.createServer()
 * cacheSessions(server, { maxCachedSessions: 1000 })
 * ```
 */
export default function cacheSessions(server: tls.Server, options: CompatOptions = {}): void {
  const max = sessionsOf(options?.maxCachedSessions)
  // No ttl but that of the session itself, since the original has none.
  const maxSize = Math.min(MAX_SIZE, Math.max(MIN_SIZE, max * BYTES_PER_SESSION))
  resumeSessions(server, { sessionCache: new SessionCache({ max, maxSize, ttl: SEVEN_DAYS }) })
}

/** Reads what the original accepts, as JavaScript compares it with 0. */
function sessionsOf(value: unknown = 100): number {
  if (typeof value !== 'number' && typeof value !== 'string') {
    throw invalidArgType('"maxCachedSessions" option', 'a number or its text', value)
  }
  const max = Number(value)
  if (!(max > 0)) throw outOfRange('"maxCachedSessions" option', 'above 0', value)
  return Math.min(MAX_SESSIONS, Math.ceil(max))
}

// What `require()` of this module returns is then the function itself.
export { cacheSessions as 'module.exports' }
