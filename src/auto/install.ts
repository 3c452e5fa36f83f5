import type tls from 'node:tls'
import { clientCache } from '../cache/default-caches.js'
import type { SessionCache } from '../cache/session-cache.js'
import {
  type ConnectOptions,
  isOptions,
  normalize,
  perform,
  planFor,
  withoutOurs,
} from '../client/connect.js'
import { isInside } from '../client/reentrancy.js'
import { noteEmitted } from '../client/session-provenance.js'
import { recordConnection } from '../diagnostics/client-events.js'
import { rememberContexts } from '../key/context-origin.js'
import { peerOf, withDefaults } from '../key/session-key.js'
import { replaceFunction } from '../node/patch.js'
import { unsupportedRuntime } from '../node/runtime.js'
import { isSessionOfAgent } from '../node/tls-internals.js'
import { warnOnce } from '../util/log.js'
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
 * Makes every `tls.connect` of this thread resume, whoever calls it: Node's own `https`, `http2` and `fetch`, drivers,
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
  return function connect(this: unknown, ...args: unknown[]): tls.TLSSocket {
    const call = (these: unknown[]): tls.TLSSocket => Reflect.apply(original, this, these)
    if (installed === undefined || isInside()) return call(args)
    const way = wayOf(args, installed)
    if (way === undefined) return call(args)
    if ('args' in way) return noted(call(way.args))
    return perform(way.plan, options => call([options, way.listener]))
  } as typeof tls.connect
}

type Way = { args: unknown[] } | { plan: NonNullable<ReturnType<typeof planFor>>; listener: unknown }

/** How a call is to be made: by a plan, or as it came; undefined where it is none of our business. */
function wayOf(args: unknown[], { cache, coalesce, maxAge, chooses }: Installed): Way | undefined {
  const [first] = args
  if (cache === null || !(typeof first === 'number' || typeof first === 'string' || isOptions(first)))
    return undefined
  try {
    const [asGiven, listener] = normalize(args)
    const given = withDefaults(asGiven)
    const refusal = isOptedOut(given) ? 'opted-out' : chooses(given) ? undefined : 'excluded'
    if (refusal !== undefined) {
      recordConnection(refusal, () => peerOf(given))
      return undefined
    }
    const options = withoutLibrarys(given)
    checkString('cachePartition', given.cachePartition, 256)
    const plan = planFor(cache, options, { coalesce, maxAge, cachePartition: given.cachePartition })
    if (plan !== undefined) return { plan, listener }
    return { args: options === given ? args : [options, listener] }
  } catch {
    // Whatever is wrong, Node says it better.
    return undefined
  }
}

/** Without a session that a library supplied from a cache of its own. */
function withoutLibrarys(options: tls.ConnectionOptions): tls.ConnectionOptions {
  // @guard library-session › install › an agent that has sessions from before comes to offer ours ⇒ if true
  if (!options.session || !isSessionOfAgent(options)) return withoutOurs(options)
  const { session: _, ...rest } = options
  return rest
}

/** As our own functions are told not to resume, and as https.Agent is. */
function isOptedOut(options: ConnectOptions & { maxCachedSessions?: number }): boolean {
  // @guard excluded-peers › install › an agent that is told to cache no sessions does not resume
  //   ⇒ without `|| options.maxCachedSessions === 0`
  return options.sessionCache === null || options.maxCachedSessions === 0
}

/** What a library keeps of such a socket is not its caller's when it comes back. */
function noted(socket: tls.TLSSocket): tls.TLSSocket {
  // @guard library-session › install › a session that a library kept of a connection that is not resumed does
  //   not win later
  socket.on('session', session => noteEmitted('', session))
  return socket
}
