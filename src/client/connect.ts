import tls from 'node:tls'
import { SessionCache } from '../cache/session-cache.js'
import { recordConnection } from '../diagnostics/client-events.js'
import { withDefaults } from '../key/options.js'
import { describePeer } from '../key/session-key.js'
import { invalidArgType } from '../util/errors.js'
import { inside } from '../util/reentrancy.js'
import { isBuiltinConnect } from './builtin-connect.js'
import { executePlan, type Plan, planConnection } from './plan.js'
import { checkResumptionOptions, type ResumptionOptions } from './resumption-options.js'

export type { ResumptionOptions } from './resumption-options.js'

/** The options of {@link connect}. */
export interface ConnectOptions extends tls.ConnectionOptions, ResumptionOptions {}

/**
 * Connects as `tls.connect` does, and resumes. It offers a session of an earlier connection with equal options, and stores
 * the sessions that this connection gets.
 *
 * Before it offers a session, it verifies the certificate again: its dates, its names, and `checkServerIdentity`. A
 * session that cannot be used means a full handshake. One case is an error: a peer that breaks off when it is offered a
 * session costs one failed connection. After that, no session is offered to it for a while.
 *
 * A `session` that the caller gives is offered instead. Then no session of this connection is stored, since the package
 * does not know how that session was verified.
 *
 * To be called in any thread. All threads share the sessions.
 *
 * @returns the socket that `tls.connect` returns.
 * @throws what `tls.connect` throws, and `ERR_INVALID_ARG_TYPE` or `ERR_OUT_OF_RANGE` for an option of
 * {@link ResumptionOptions} that is wrong.
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
/** As `tls.connect(port, host, options, listener)`. */
export function connect(
  port: number,
  host?: string,
  options?: ConnectOptions,
  secureConnectListener?: () => void,
): tls.TLSSocket
/** As `tls.connect(port, options, listener)`. */
export function connect(
  port: number,
  options?: ConnectOptions,
  secureConnectListener?: () => void,
): tls.TLSSocket
/** As `tls.connect(path, options, listener)`: connects to a unix socket. */
export function connect(
  path: string,
  options?: ConnectOptions,
  secureConnectListener?: () => void,
): tls.TLSSocket
export function connect(...args: unknown[]): tls.TLSSocket {
  const { options, listener } = normalize(args)
  return connectWith(options, connectOptions => tls.connect(connectOptions, listener))
}

/**
 * Makes a connection that resumes. `open` gets the options as `tls.connect` completes them, without those of this
 * package. It must return a socket of `tls.connect`.
 */
export function connectWith(
  options: ConnectOptions,
  open: (options: tls.ConnectionOptions) => tls.TLSSocket,
): tls.TLSSocket {
  const full = withDefaults(options)
  const { sessionCache, cachePartition, coalesce, maxAge } = full
  const cache = checkResumptionOptions(full)
  checkSession(full.session)
  // A package that has wrapped `tls.connect` must not get them.
  if (sessionCache !== undefined) full.sessionCache = undefined
  if (cachePartition !== undefined) full.cachePartition = undefined
  if (coalesce !== undefined) full.coalesce = undefined
  if (maxAge !== undefined) full.maxAge = undefined
  if (cache === null) {
    recordConnection('opted-out', () => describePeer(full))
    return inside(() => open(full))
  }
  let plan: Plan = { options: full, inputs: undefined }
  // @guard replaced-create-secure-context › builtin-connect › *connect(): a CA that a wrapper of tls.connect*
  if (!isBuiltinConnect(tls.connect)) {
    recordConnection('uncacheable', () => describePeer(full))
    return inside(() => open(full))
  }
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

/** The arguments of `tls.connect`. */
export interface ConnectArguments {
  options: ConnectOptions
  listener: (() => void) | undefined
}

/** Returns the arguments of any form of `tls.connect` as options and a listener. */
export function normalize(args: unknown[]): ConnectArguments {
  const last = args[args.length - 1]
  const listener = typeof last === 'function' ? (last as () => void) : undefined
  const first = args[0]
  const second = args[1]
  // The form with options needs no copy.
  if (args.length <= 2 && isOptions(first) && !isOptions(second)) return { options: first, listener }
  const more = isOptions(second) ? second : args[2]
  const options = { ...endpointOf(args), ...(typeof more === 'object' ? more : {}) } as ConnectOptions
  return { options, listener }
}

/** True if `tls.connect` takes the argument for options. */
export function isOptions(argument: unknown): argument is ConnectOptions {
  return typeof argument === 'object' && argument !== null
}

/** Reads the endpoint as Node.js does. It checks nothing: `tls.connect` reports what is wrong. */
function endpointOf(args: unknown[]): object {
  const [first, second] = args
  if (isOptions(first)) return first
  if (typeof first === 'string' && !(Number(first) >= 0)) return { path: first }
  if (args.length === 0) return {}
  return typeof second === 'string' ? { port: first, host: second } : { port: first }
}
