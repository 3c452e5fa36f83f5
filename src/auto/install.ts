import type tls from 'node:tls'
import { clientCache } from '../cache/default-caches.js'
import type { SessionCache } from '../cache/session-cache.js'
import { isBuiltinConnect } from '../client/builtin-connect.js'
import { treatAs } from '../key/function-identity.js'
// Before a program can replace what it recognizes.
import '../key/node-functions.js'
import { replaceFunction } from '../node/patch.js'
import { unsupportedRuntime } from '../node/runtime.js'
import { warnOnce } from '../util/log.js'
import { isInside } from '../util/reentrancy.js'
import { SEVEN_DAYS } from '../util/time.js'
import { checkBoolean, checkInteger, checkOptionBag } from '../util/validate.js'
import type * as Connection from './connection.js'
import loader from './load-connection.cjs'
import { chooser, ROLLOUT_OPTIONS, type RolloutOptions } from './rollout.js'

/** The options of {@link install}. */
export interface InstallOptions extends RolloutOptions {
  /** Where sessions are kept. Left out, one cache that all threads of the process use; null, none: nothing resumes. */
  sessionCache?: SessionCache | null | undefined
  /** See {@link ResumptionOptions.coalesce}. */
  coalesce?: boolean | undefined
  /** See {@link ConnectOptions.maxAge}. */
  maxAge?: number | undefined
}

const OPTIONS: readonly string[] = ['sessionCache', 'coalesce', 'maxAge', ...ROLLOUT_OPTIONS]

/** What holds for connections from now on; undefined: they are Node's. */
let installed: Connection.Installed | undefined
let replaced: { restore(): void }[] = []

/**
 * Makes every `tls.connect` of this thread resume: calls of Node's own `https`, `http2` and `fetch`, of drivers, of
 * ES modules and CommonJS. `node --import tls-resumption/auto` does it for a whole process.
 *
 * Nothing else changes: options, errors, events and what is returned are those of `tls.connect`. Called again, the
 * latest options hold. A connection of this package's own functions goes by their options, not by these. Options with
 * `sessionCache: null` opt a single `tls.connect` out.
 *
 * In Bun, in Deno and in a Node.js with BoringSSL it warns and changes nothing.
 *
 * @throws `ERR_INVALID_ARG_TYPE`, `ERR_OUT_OF_RANGE` or `ERR_TLS_RESUMPTION_UNKNOWN_OPTION` for options that are
 * wrong; what holds then stays.
 *
 * @example
 * ```ts
 * import { install, uninstall } from 'tls-resumption'
 *
 * install({ exclude: ['legacy.example:636'], sampleRate: 0.1 })
 * uninstall()
 * ```
 */
export function install(options: InstallOptions = {}): void {
  checkOptionBag('options', options, OPTIONS)
  const { sessionCache, coalesce = true, maxAge, ...rollout } = options
  checkBoolean('coalesce', coalesce)
  checkInteger('maxAge', maxAge, 1, SEVEN_DAYS)
  const chooses = chooser(rollout)
  const runtime = unsupportedRuntime()
  if (runtime !== undefined) {
    warnOnce('RUNTIME', `install() changes nothing: this is ${runtime}`)
    return
  }
  installed = { cache: clientCache(sessionCache), coalesce, maxAge, chooses }
  if (replaced.length > 0) return
  replaced = [
    replaceFunction('connect', wrapConnect),
    replaceFunction('createSecureContext', wrapCreateSecureContext),
  ]
}

/**
 * Gives `tls.connect` back to Node. If another package has wrapped it since, the wrapper stays, and what it calls does what
 * Node does. Open connections stay open. Without a call of {@link install} it does nothing.
 *
 * @example
 * ```ts
 * import { install, uninstall } from 'tls-resumption'
 *
 * install()
 * uninstall() // connections from now on do not resume
 * ```
 */
export function uninstall(): void {
  installed = undefined
  for (const { restore } of replaced) restore()
  replaced = []
}

let connection: typeof Connection | undefined

/** Loads what connections need. Undefined if that fails, as after an update of the installed files: TLS then is Node's. */
function loadConnection(): typeof Connection | undefined {
  try {
    connection ??= loader.loadConnection()
    return connection
  } catch (error) {
    warnOnce('CONNECTION', `TLS connections do not resume: ${(error as Error).message}`)
    return undefined
  }
}

function wrapConnect(original: typeof tls.connect): typeof tls.connect {
  const isBuiltin = isBuiltinConnect(original)
  const wrapper = function connect(this: unknown, ...args: unknown[]): tls.TLSSocket {
    const call = (these: unknown[]): tls.TLSSocket => Reflect.apply(original, this, these)
    if (installed === undefined || isInside()) return call(args)
    const loaded = loadConnection()
    return loaded ? loaded.connectInstalled(installed, { args, isBuiltin, call }) : call(args)
  } as typeof tls.connect
  treatAs(wrapper, original)
  return wrapper
}

function wrapCreateSecureContext(original: typeof tls.createSecureContext): typeof tls.createSecureContext {
  let remember: typeof original | undefined
  const wrapper = function createSecureContext(this: unknown, ...args: [tls.SecureContextOptions?]) {
    remember ??= loadConnection()?.rememberContexts(original)
    return Reflect.apply(remember ?? original, this, args)
  }
  treatAs(wrapper, original)
  return wrapper
}
