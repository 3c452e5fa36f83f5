import { clientCache } from '../cache/default-caches.js'
import type { SessionCache } from '../cache/session-cache.js'
import { SEVEN_DAYS } from '../util/time.js'
import { checkBoolean, checkInteger, checkString } from '../util/validate.js'

/** The options that this package adds to those of Node.js. */
export interface ResumptionOptions {
  /**
   * Where sessions are stored. By default, one cache that all threads of the process share. With null, the connection
   * does not resume, and no session of it is stored.
   */
  sessionCache?: SessionCache | null | undefined
  /**
   * Separates sessions that would otherwise share a key: of a tenant, or of one of several hosts behind an address.
   * 1 to 256 characters.
   */
  cachePartition?: string | undefined
  /**
   * True if, of connections that begin at once to a peer without a session, one does the full handshake and the others
   * wait for its session. A connection waits for 250 ms at most, and for three times its own connect time and 100 ms. It
   * does not wait where the session will probably take longer, nor with `singleUse`. This holds across threads.
   * @defaultValue true
   */
  coalesce?: boolean | undefined
  /**
   * How old the last verification of a peer by a full handshake may be, in milliseconds, 1 to 604,800,000 (seven days).
   * An older session is not offered. The value is applied when a session is offered, not when it is stored.
   * @defaultValue 86_400_000 (a day)
   */
  maxAge?: number | undefined
}

/** The names of these options. */
export const RESUMPTION_OPTIONS: readonly string[] = [
  'sessionCache',
  'cachePartition',
  'coalesce',
  'maxAge',
] satisfies (keyof ResumptionOptions)[]

/**
 * Checks these options and returns the cache that they mean; null: none.
 *
 * @throws `ERR_INVALID_ARG_TYPE` or `ERR_OUT_OF_RANGE` for an option that is wrong.
 */
export function checkResumptionOptions(options: ResumptionOptions): SessionCache | null {
  checkString('cachePartition', options.cachePartition, 256)
  checkBoolean('coalesce', options.coalesce)
  checkInteger('maxAge', options.maxAge, 1, SEVEN_DAYS)
  return clientCache(options.sessionCache)
}
