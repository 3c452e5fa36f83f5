import tls from 'node:tls'
import { clientCache } from '../cache/default-caches.js'
import { SessionCache } from '../cache/session-cache.js'
import { recordConnection } from '../diagnostics/client-events.js'
import { peerOf, withDefaults } from '../key/session-key.js'
import { invalidArgType } from '../util/errors.js'
import { SEVEN_DAYS } from '../util/time.js'
import { checkBoolean, checkInteger, checkString } from '../util/validate.js'
import { executePlan, type Plan, planConnection } from './plan.js'
import { inside } from './reentrancy.js'

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

/** The options of {@link connect}. */
export interface ConnectOptions extends tls.ConnectionOptions, ResumptionOptions {}

/**
 * `tls.connect` that resumes: it offers a session kept from an earlier connection with equal options,
 * and keeps those that this one gets. A session that cannot be used, for whatever reason, means a full
 * handshake, not an error.
 *
 * A `session` that the caller gives is offered instead, and what comes of that connection is not kept,
 * since nobody here knows what the session stands for.
 *
 * @returns the socket that `tls.connect` returns.
 * @throws what `tls.connect` throws, and `ERR_INVALID_ARG_TYPE` or `ERR_OUT_OF_RANGE` for
 * `sessionCache` and `cachePartition`.
 *
 * @example
 * ```ts
 * import { connect } from 'tls-resumption'
 *
 * const socket = connect({ host: 'db.example', port: 5433 }, () => {
 *   console.log(socket.isSessionReused() ? 'resumed' : 'full handshake')
 * })
 * ```
 */
export function connect(options: ConnectOptions, secureConnectListener?: () => void): tls.TLSSocket
export function connect(
  port: number,
  host?: string,
  options?: ConnectOptions,
  secureConnectListener?: () => void,
): tls.TLSSocket
export function connect(
  port: number,
  options?: ConnectOptions,
  secureConnectListener?: () => void,
): tls.TLSSocket
export function connect(
  path: string,
  options?: ConnectOptions,
  secureConnectListener?: () => void,
): tls.TLSSocket
export function connect(...args: unknown[]): tls.TLSSocket {
  const [options, listener] = normalize(args)
  return connectWith(options, connectOptions => tls.connect(connectOptions, listener))
}

/**
 * Resumes what `open` connects. `open` gets the options as `tls.connect` completes them, without ours, and must return a
 * socket of `tls.connect` that is still connecting.
 */
export function connectWith(
  options: ConnectOptions,
  open: (options: tls.ConnectionOptions) => tls.TLSSocket,
): tls.TLSSocket {
  const full = withDefaults(options)
  const { sessionCache, cachePartition, coalesce, maxAge } = full
  checkString('cachePartition', cachePartition, 256)
  checkBoolean('coalesce', coalesce)
  checkInteger('maxAge', maxAge, 1, SEVEN_DAYS)
  checkSession(full.session)
  const cache = clientCache(sessionCache)
  // A package that has wrapped `tls.connect` must not get them.
  if (sessionCache !== undefined) full.sessionCache = undefined
  if (cachePartition !== undefined) full.cachePartition = undefined
  if (coalesce !== undefined) full.coalesce = undefined
  if (maxAge !== undefined) full.maxAge = undefined
  if (cache === null) {
    recordConnection('opted-out', () => peerOf(full))
    return inside(() => open(full))
  }
  let plan: Plan = { options: full, inputs: undefined }
  try {
    plan = planConnection(cache, full, { cachePartition, coalesce, maxAge })
  } catch {
    // `tls.connect` reports what is wrong with the options.
  }
  return inside(() => executePlan(plan, open))
}

function checkSession(session: unknown): void {
  if (session instanceof SessionCache) {
    throw invalidArgType('"session" option', 'a Buffer (for a SessionCache there is "sessionCache")', session)
  }
}

/** The forms that `tls.connect` may be called in, brought to the one with options. */
export function normalize(args: unknown[]): [ConnectOptions, (() => void) | undefined] {
  const last = args.at(-1)
  const listener = typeof last === 'function' ? (last as () => void) : undefined
  const [first, second, third] = args
  // The form with options, as it came: no copy.
  if (args.length <= 2 && isOptions(first) && !isOptions(second)) return [first, listener]
  const more = isOptions(second) ? second : third
  return [{ ...endpointOf(args), ...(typeof more === 'object' ? more : {}) } as ConnectOptions, listener]
}

/** Whether `tls.connect` would take the argument for options. */
export function isOptions(argument: unknown): argument is ConnectOptions {
  return typeof argument === 'object' && argument !== null
}

/** As Node reads the arguments, and as they came: what is wrong with them is for Node to say. */
function endpointOf(args: unknown[]): object {
  const [first, second] = args
  if (isOptions(first)) return first
  if (typeof first === 'string' && !(Number(first) >= 0)) return { path: first }
  if (args.length === 0) return {}
  return typeof second === 'string' ? { port: first, host: second } : { port: first }
}
