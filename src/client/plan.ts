import type tls from 'node:tls'
import { hasSession } from '../cache/internal.js'
import type { SessionCache } from '../cache/session-cache.js'
import { isSingleUse } from '../cache/session-cache.js'
import { recordConnection } from '../diagnostics/client-events.js'
import { peerLabel } from '../key/endpoint.js'
import { Era } from '../key/purge-generation.js'
import { contextTag, hostnameOf, isStrict, keyOf, peerOf } from '../key/session-key.js'
import { native } from '../native/addon.js'
import { isConnecting } from '../node/socket-port.js'
import { isOfUndici, sessionOfAgent } from '../node/tls-internals.js'
import { isTrustAnchor } from '../session/trust-anchors.js'
import { decodeVerification } from '../session/verified-session.js'
import { debug, isDebugging } from '../util/log.js'
import { DAY } from '../util/time.js'
import { type AttemptInputs, ConnectionAttempt } from './attempt.js'
import { reverify } from './offer.js'
import { findEmitted, peerState } from './peer-state.js'
import { secureContextFor } from './shared-contexts.js'

export const DEFAULT_MAX_AGE: number = DAY

/** How a connection is to be made. */
export interface Plan {
  /** The options for `tls.connect`. */
  readonly options: tls.ConnectionOptions
  /** What it needs to resume; undefined where it is Node's alone. */
  readonly inputs: AttemptInputs | undefined
}

export interface PlanOptions {
  readonly cachePartition?: string | undefined
  readonly coalesce?: boolean | undefined
  readonly maxAge?: number | undefined
}

/**
 * Decides how a connection is made, before it is made. `options` must be completed by `withDefaults`, and belong to the
 * caller of this function: they get the context that the connection uses.
 */
export function planConnection(
  cache: SessionCache,
  options: tls.ConnectionOptions,
  { cachePartition, coalesce = true, maxAge = DEFAULT_MAX_AGE }: PlanOptions = {},
): Plan {
  const context = contextTag(options)
  const generation = new Era(options)
  const key = context && keyOf(options, cachePartition, { context, era: generation })
  const { checkServerIdentity } = options
  if (key === undefined || checkServerIdentity === undefined) {
    if (isDebugging) debug('%s: not cacheable', peerOf(options))
    recordConnection(options.session ? 'caller-session' : 'uncacheable', () => peerOf(options))
    return { options, inputs: undefined }
  }
  const peer = peerState(key, `${peerLabel(generation.endpoint)} ${options.servername ?? ''}`, generation)
  const inputs: AttemptInputs = {
    cache,
    peer,
    verifier: { isStrict: isStrict(options), hostname: hostnameOf(options), checkServerIdentity, options },
    maxAge,
    coalesce,
    isOverStream: Boolean(options.socket),
    crlsCurrentUntil: now => crlsCurrentUntil(options, now),
    isAnchor: isTrustAnchor(options.ca),
  }
  if (options.session) {
    if (keepsSession(options, inputs)) {
      if (isDebugging) debug("%s: the caller's session is offered", peerOf(options))
      recordConnection('caller-session', () => peerOf(options))
      return { options, inputs: undefined }
    }
    const { session: _, ...rest } = options
    shareContext(rest, context)
    return { options: rest, inputs }
  }
  shareContext(options, context)
  return { options, inputs }
}

/** Makes a connection by its plan. */
export function executePlan(
  { options, inputs }: Plan,
  open: (options: tls.ConnectionOptions) => tls.TLSSocket,
): tls.TLSSocket {
  if (inputs === undefined) return open(options)
  const attempt = new ConnectionAttempt(inputs)
  options.checkServerIdentity = attempt.capturing(inputs.verifier.checkServerIdentity)
  if (options.socket && !isConnecting(options.socket)) {
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
  { cache, peer, verifier, maxAge }: AttemptInputs,
): boolean {
  const { session } = options
  const known = findEmitted(session)
  const isOfLibrary = session === sessionOfAgent(options) || (known !== undefined && isOfUndici(options))
  if (isOfLibrary && (isSingleUse(cache) || hasSession(cache, peer.key))) return false
  if (known === undefined) return true
  if (known.peer.generation.isOver) return false
  // Nothing was stored of that connection. The application may offer it; a library's cache does not know what it has.
  if (known.record === undefined) return !isOfLibrary
  return reverify(session as Buffer, decodeVerification(known.record), verifier, maxAge) !== undefined
}

function shareContext(options: tls.ConnectionOptions, tag: string | undefined): void {
  if (!options.secureContext && tag !== undefined) options.secureContext = secureContextFor(options, tag)
}

/** Returns until when all CRLs are current, in milliseconds since 1970. Undefined where one cannot be read. */
function crlsCurrentUntil({ crl }: tls.ConnectionOptions, now: number): number | undefined {
  let until = Number.POSITIVE_INFINITY
  for (const source of crl ? [crl].flat() : []) {
    const next = native.crlNextUpdate(typeof source === 'string' ? Buffer.from(source) : source, now)
    if (Number.isNaN(next)) return undefined
    until = Math.min(until, next)
  }
  return until
}
