/**
 * In place of the npm package `tls-session-cache`.
 *
 * @packageDocumentation
 * @module tls-resumption/compat
 */

import type tls from 'node:tls'
import { SessionCache } from './cache/session-cache.js'
import { resumeSessions } from './server/session-ids.js'
import { SEVEN_DAYS } from './util/time.js'
import { checkInteger } from './util/validate.js'

/** A session with a client's certificate takes less; so it is the count that bounds. */
const ROOM = 4096
const LEAST_SIZE = 64 * 2 ** 20
const LARGEST_SIZE = 2 ** 37 - 1

/** The options of {@link cacheSessions}. */
export interface CompatOptions {
  /**
   * How many sessions are kept at most, 1 to 134,217,727.
   * @defaultValue 100
   */
  maxCachedSessions?: number | undefined
}

/**
 * {@link resumeSessions} in the form of the npm package `tls-session-cache`: whoever uses that changes the name of
 * what is required, and nothing else. The cache is the server's own. Other options are ignored, as there.
 *
 * @throws `ERR_INVALID_ARG_TYPE` for a server that is none, `ERR_INVALID_ARG_TYPE` or `ERR_OUT_OF_RANGE` for
 * `maxCachedSessions`, `ERR_TLS_RESUMPTION_SERVER_IN_USE` for a server whose session events somebody answers already.
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
  const { maxCachedSessions = 100 } = options ?? {}
  checkInteger('maxCachedSessions', maxCachedSessions, 1, 100_000_000)
  // No ttl but that of the session itself, since the package has none.
  const maxSize = Math.min(LARGEST_SIZE, Math.max(LEAST_SIZE, maxCachedSessions * ROOM))
  resumeSessions(server, {
    sessionCache: new SessionCache({ max: maxCachedSessions, maxSize, ttl: SEVEN_DAYS }),
  })
}

// What `require()` gives is then the function itself.
export { cacheSessions as 'module.exports' }
