import tls from 'node:tls'
import { contextChanges } from '../key/context-origin.js'
import { onPurge } from '../key/purge-generation.js'
import { LruMap } from '../util/lru-map.js'

interface SharedContext {
  context: tls.SecureContext
  changes: number
}

/** One SecureContext for all connections with equal options: making one costs a third of a handshake. */
const contexts = new LruMap<string, SharedContext>(100)
// @guard purge › purge › purge: the contexts that connections share are replaced
onPurge(() => contexts.clear())

/**
 * Returns the SecureContext that all connections with these options share, whose `contextDigest` is `digest`. Makes one
 * if there is none, or if it was changed: sockets lead to it, and so does a wrapper of `tls.connect`.
 *
 * @throws what `tls.createSecureContext` throws.
 */
export function secureContextFor(options: tls.ConnectionOptions, digest: string): tls.SecureContext {
  // @guard chain › trust › *: a session made while trusting another CA does not authorize
  //   ⇒ `contexts.get(digest)` becomes `contexts.get('any') ?? contexts.get([...contexts.entries()][0]?.[0] ?? '')`
  const shared = contexts.get(digest)
  if (shared !== undefined && contextChanges(shared.context) === shared.changes) return shared.context
  // Node closes a context for single use together with its socket.
  const context = tls.createSecureContext({ ...options, singleUse: false } as tls.SecureContextOptions)
  contexts.set(digest, { context, changes: contextChanges(context) })
  return context
}
