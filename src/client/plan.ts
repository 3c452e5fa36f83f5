import '../native/second-copy.js'
import type tls from 'node:tls'
import { hasSession, localCacheOf } from '../cache/internal.js'
import type { SessionCache } from '../cache/session-cache.js'
import { handleOf, isSingleUse } from '../cache/session-cache.js'
import { recordConnection } from '../diagnostics/client-events.js'
import { watchForChanges } from '../key/context-origin.js'
import { type KeyScope, PROCESS_SCOPE, scopeOf } from '../key/key-scope.js'
import { hostnameOf, isStrict } from '../key/options.js'
import { describePeer, identifyContextFor, identifyPeer, isShareable } from '../key/session-key.js'
import { isConnecting } from '../node/socket-port.js'
import { isOfUndici, sessionOfAgent } from '../node/tls-internals.js'
import { debug, isDebugging } from '../util/log.js'
import { DAY } from '../util/time.js'
import { ConnectionAttempt } from './attempt/attempt.js'
import type { AttemptInputs, LateInputs } from './attempt/inputs.js'
import { findEmitted, peerState } from './peer-state.js'
import { reverify } from './reverify.js'
import { secureContextFor } from './shared-contexts.js'

export const DEFAULT_MAX_AGE: number = DAY

/** How a connection is to be made. */
export interface Plan {
  /** The options for `tls.connect`. */
  readonly options: tls.ConnectionOptions
  /**
   * What it needs to resume; undefined where it is Node's only. Late where the given socket is yet to connect.
   */
  readonly inputs: AttemptInputs | LateInputs | undefined
}

export interface PlanOptions {
  readonly cachePartition?: string | undefined
  readonly coalesce?: boolean | undefined
  readonly maxAge?: number | undefined
  /** Returns false for a connection that must not resume. Called once the endpoint is known. */
  readonly chooses?: ((options: tls.ConnectionOptions) => boolean) | undefined
}

/**
 * Decides how a connection is made, before it is made. `options` must be completed by `withDefaults`, and belong to the
 * caller of this function: they get the context that the connection uses.
 */
export function planConnection(
  cache: SessionCache,
  options: tls.ConnectionOptions,
  planOptions: PlanOptions = {},
): Plan {
  const context = identifyContextFor(options)
  if (options.socket && isConnecting(options.socket)) {
    if (options.session && keepsSession(options, cache, undefined)) return keepSession(options)
    // The connection gets another context and another `checkServerIdentity`, which do not count.
    const given = { ...options }
    return share(options, context, {
      find: () => findInputs(cache, given, context, planOptions),
      label: () => describePeer(given),
    })
  }
  const inputs = findInputs(cache, options, context, planOptions)
  if (inputs === undefined) return { options, inputs }
  // @guard caller-session › connect › connect: a session of the caller is offered, and nothing of its
  //   connection is stored
  //   ⇒ if false
  if (options.session && keepsSession(options, cache, inputs)) return keepSession(options)
  return share(options, context, inputs)
}

function keepSession(options: tls.ConnectionOptions): Plan {
  if (isDebugging) debug("%s: the caller's session is offered", describePeer(options))
  recordConnection('caller-session', () => describePeer(options))
  return { options, inputs: undefined }
}

/** Plans a connection with the shared context, and without a session that this package replaces. */
function share(options: tls.ConnectionOptions, context: string | undefined, inputs: Plan['inputs']): Plan {
  const own = options.session ? withoutSession(options) : options
  if (!own.secureContext && context !== undefined) own.secureContext = secureContextFor(own, context)
  return { options: own, inputs }
}

function withoutSession({ session: _, ...options }: tls.ConnectionOptions): tls.ConnectionOptions {
  return options
}

/**
 * Returns the cache for the sessions of these options, and its scope: the given one, or in place of one in a file a cache of
 * the process. Other processes can use a session in a file only if its key means the same there.
 */
function cacheFor(
  cache: SessionCache,
  options: tls.ConnectionOptions,
  context: string | undefined,
): { own: SessionCache; scope: KeyScope } {
  if (cache.path === undefined) return { own: cache, scope: PROCESS_SCOPE }
  // @guard shared-file › shared-file › *: a session under an identity token stays in the process
  //   ⇒ `context === undefined || isShareable(options, context)` becomes `true`
  const isUsable = context === undefined || isShareable(options, context)
  // @guard shared-file › shared-file › cache in a file: purge reaches the sessions that stay in a process
  //   ⇒ `scopeOf(cache,` becomes `scopeOf(isUsable ? cache : localCacheOf(cache),`
  return { own: isUsable ? cache : localCacheOf(cache), scope: scopeOf(cache, handleOf, !isUsable) }
}

/** Returns where `connect` stores the sessions of these options. Undefined if it stores none. */
export function placeOfSessions(
  cache: SessionCache,
  options: tls.ConnectionOptions,
  partition: string | undefined,
): { cache: SessionCache; key: string } | undefined {
  const context = identifyContextFor(options)
  const { own, scope } = cacheFor(cache, options, context)
  const identity = identifyPeer(options, partition, context, scope)
  return identity && { cache: own, key: identity.key }
}

/** Returns what a connection with these options needs to resume. Undefined, and recorded, where it does not. */
function findInputs(
  cache: SessionCache,
  options: tls.ConnectionOptions,
  context: string | undefined,
  { cachePartition, coalesce = true, maxAge = DEFAULT_MAX_AGE, chooses }: PlanOptions,
): AttemptInputs | undefined {
  if (chooses && !chooses(options)) {
    recordConnection('excluded', () => describePeer(options))
    return undefined
  }
  const { own, scope } = cacheFor(cache, options, context)
  const identity = identifyPeer(options, cachePartition, context, scope)
  const { checkServerIdentity, secureContext } = options
  if (identity === undefined || checkServerIdentity === undefined) {
    if (isDebugging) debug('%s: not cacheable', describePeer(options))
    recordConnection(options.session ? 'caller-session' : 'uncacheable', () => describePeer(options))
    return undefined
  }
  return {
    cache: own,
    peer: peerState(identity),
    verifier: { isStrict: isStrict(options), hostname: hostnameOf(options), checkServerIdentity, options },
    maxAge,
    coalesce,
    isOverStream: Boolean(options.socket),
    hasGivenContext: Boolean(secureContext),
  }
}

/** Makes a connection by its plan. */
export function executePlan(
  { options, inputs }: Plan,
  open: (options: tls.ConnectionOptions) => tls.TLSSocket,
): tls.TLSSocket {
  if (inputs === undefined) return open(options)
  const isContextUnchanged = watchForChanges(options.secureContext)
  const attempt = new ConnectionAttempt(inputs, isContextUnchanged)
  if (options.checkServerIdentity) {
    options.checkServerIdentity = attempt.capturing(options.checkServerIdentity)
  }
  if (options.socket && !('find' in inputs)) {
    return attempt.startAtOnce(session => open(session ? { ...options, session } : options))
  }
  const socket = open(options)
  attempt.attach(socket)
  return socket
}

/**
 * True if the session among the options is offered as it is. It is the caller's, unless a library's own cache gave it: then
 * this package chooses, if it has a session to choose.
 */
function keepsSession(
  options: tls.ConnectionOptions,
  cache: SessionCache,
  inputs: AttemptInputs | undefined,
): boolean {
  const { session } = options
  const known = findEmitted(session)
  const isOfLibrary = session === sessionOfAgent(options) || (known !== undefined && isOfUndici(options))
  if (isOfLibrary && (isSingleUse(cache) || (inputs && hasSession(inputs.cache, inputs.peer.key))))
    return false
  if (known === undefined) return true
  // @guard purge › given-session › *: after a purge a session that this package emitted is dropped, *
  if (known.peer.generation.isOver) return false
  // Nothing was stored of that connection. The application may offer it; a library's cache does not know what it has.
  if (known.verification === undefined) return !isOfLibrary
  // Until the given socket is connected, nothing can be verified again: plain Node.js would offer the session.
  if (inputs === undefined) return !isOfLibrary
  const offered = reverify(session as Buffer, known.verification, inputs)
  // @guard caller-session › given-session › *: a session whose peer is not acceptable any more *
  //   ⇒ `if (offered === undefined) return false` becomes `if (offered === undefined) return true`
  if (offered === undefined) return false
  // A lenient caller would read that the peer is authorized, as Node.js does not check the name again.
  // @guard lenient-callers › changed-while-connecting › *: a session of an agent does not authorize *
  //   ⇒ `return !(isOfLibrary && offered.identityError)` becomes `return true`
  return !(isOfLibrary && offered.identityError)
}
