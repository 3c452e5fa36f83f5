import type tls from 'node:tls'
import { clientCache } from '../cache/default-caches.js'
import type { SessionCache } from '../cache/session-cache.js'
import { isBuiltinConnect } from '../client/builtin-connect.js'
import { type ConnectOptions, isOptions, normalize } from '../client/connect.js'
import { executePlan, type Plan, planConnection } from '../client/plan.js'
import { recordConnection } from '../diagnostics/client-events.js'
import { rememberContexts } from '../key/context-origin.js'
import { treatAs } from '../key/function-identity.js'
import { withDefaults } from '../key/options.js'
import { describePeer } from '../key/session-key.js'
import { replaceFunction } from '../node/patch.js'
import { unsupportedRuntime } from '../node/runtime.js'
import { warnOnce } from '../util/log.js'
import { isInside } from '../util/reentrancy.js'
import { SEVEN_DAYS } from '../util/time.js'
import { checkBoolean, checkInteger, checkOptionBag, checkString } from '../util/validate.js'
import { type Chooses, chooser, ROLLOUT_OPTIONS, type RolloutOptions } from './rollout.js'

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

interface Installed {
  cache: SessionCache | null
  coalesce: boolean
  maxAge: number | undefined
  chooses: Chooses
}

/** What holds for connections from now on; undefined: they are Node's. */
let installed: Installed | undefined
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
    replaceFunction('createSecureContext', rememberContexts),
  ]
}

/**
 * Gives `tls.connect` back to Node. Where another package has wrapped it since, it stays, and does what Node does.
 */
export function uninstall(): void {
  installed = undefined
  for (const { restore } of replaced) restore()
  replaced = []
}

function wrapConnect(original: typeof tls.connect): typeof tls.connect {
  const isBuiltin = isBuiltinConnect(original)
  const wrapper = function connect(this: unknown, ...args: unknown[]): tls.TLSSocket {
    const call = (these: unknown[]): tls.TLSSocket => Reflect.apply(original, this, these)
    if (installed === undefined || isInside()) return call(args)
    const planned = planCall(args, installed, isBuiltin)
    // A call that does not resume gets its arguments as they came.
    if (planned?.plan.inputs === undefined) return call(args)
    return executePlan(planned.plan, options => call([options, planned.listener]))
  } as typeof tls.connect
  treatAs(wrapper, original)
  return wrapper
}

/** A plan for a call, and the listener among its arguments. */
interface PlannedCall {
  plan: Plan
  listener: unknown
}

/** Plans a call. Undefined where the options leave it to Node, or are wrong. */
function planCall(
  args: unknown[],
  { cache, coalesce, maxAge, chooses }: Installed,
  isBuiltin: boolean,
): PlannedCall | undefined {
  const [first] = args
  if (cache === null || !(typeof first === 'number' || typeof first === 'string' || isOptions(first)))
    return undefined
  try {
    const [asGiven, listener] = normalize(args)
    const given = withDefaults(asGiven)
    if (isOptedOut(given)) {
      recordConnection('opted-out', () => describePeer(given))
      return undefined
    }
    // @guard replaced-create-secure-context › builtin-connect › *install(): a CA that a wrapper of tls.connect*
    if (!isBuiltin) {
      recordConnection('uncacheable', () => describePeer(given))
      return undefined
    }
    const { cachePartition } = given
    checkString('cachePartition', cachePartition, 256)
    return { plan: planConnection(cache, given, { coalesce, maxAge, cachePartition, chooses }), listener }
  } catch {
    // `tls.connect` reports what is wrong with the options.
    return undefined
  }
}

/** True if the options disable resumption, as those of `connect` and of `https.Agent` do. */
function isOptedOut(options: ConnectOptions & { maxCachedSessions?: number }): boolean {
  // @guard excluded-peers › install › install: an agent with maxCachedSessions: 0 does not resume
  //   ⇒ without `|| options.maxCachedSessions === 0`
  return options.sessionCache === null || options.maxCachedSessions === 0
}
