import { clientCache } from '../cache/default-caches.js'
import type { SessionCache } from '../cache/session-cache.js'
import { SEVEN_DAYS } from '../util/time.js'
import { checkBoolean, checkInteger, checkString } from '../util/validate.js'

/** What {@link connect} and {@link HttpsAgent} take beyond Node's own options. */
export interface ResumptionOptions {
  /**
   * Where sessions are kept. Left out, one cache that all threads of the process use; null, none: the
   * connection is neither resumed nor remembered.
   */
  sessionCache?: SessionCache | null | undefined
  /**
   * Separates sessions that would otherwise share a key: of a tenant, or of one of several hosts behind an address.
   * 1 to 256 characters.
   */
  cachePartition?: string | undefined
  /**
   * Whether, of connections that begin at once to a peer without a session, one does the full handshake and the others
   * wait for its session: as long as that takes, and a second at most. In all threads; never with `singleUse`.
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
