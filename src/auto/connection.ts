/** What an installed `tls.connect` does. It is loaded at the first connection: a start-up does not wait for it. */
import type tls from 'node:tls'
import type { SessionCache } from '../cache/session-cache.js'
import { type ConnectOptions, isOptions, normalize } from '../client/connect.js'
import { executePlan, type Plan, planConnection } from '../client/plan.js'
import { recordConnection } from '../diagnostics/client-events.js'
import { withDefaults } from '../key/options.js'
import { describePeer } from '../key/session-key.js'
import { checkString } from '../util/validate.js'
import type { Chooses } from './rollout.js'

export { rememberContexts } from '../key/context-origin.js'

/** The checked options of `install()`. */
export interface Installed {
  readonly cache: SessionCache | null
  readonly coalesce: boolean
  readonly maxAge: number | undefined
  readonly chooses: Chooses
}

/** One call of `tls.connect`. */
export interface ConnectCall {
  readonly args: unknown[]
  /** True if the function that `install()` replaced is Node's own. */
  readonly isBuiltin: boolean
  /** Calls the function that `install()` replaced. */
  call(args: unknown[]): tls.TLSSocket
}

/** Opens a connection that resumes, if the options of both permit it. */
export function connectInstalled(
  installed: Installed,
  { args, isBuiltin, call }: ConnectCall,
): tls.TLSSocket {
  const planned = planCall(args, installed, isBuiltin)
  // A call that does not resume gets its arguments as they came.
  if (planned?.plan.inputs === undefined) return call(args)
  return executePlan(planned.plan, options => call([options, planned.listener]))
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
    const { options: asGiven, listener } = normalize(args)
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
