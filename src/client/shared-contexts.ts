import tls from 'node:tls'
import { areContextsNodes } from '../key/context-digest.js'
import { onPurge } from '../key/purge-generation.js'
import { LruMap } from '../util/lru-map.js'

/** One SecureContext for all connections with equal options: making one costs a third of a handshake. */
const contexts = new LruMap<string, tls.SecureContext>(100)
onPurge(() => contexts.clear())

/**
 * The SecureContext for these options, whose `contextDigest` is `digest`. It is shared, so it never leaves
 * this package except within the sockets that use it. Undefined where each connection is to have one of its own.
 *
 * @throws what `tls.createSecureContext` throws.
 */
export function secureContextFor(
  options: tls.ConnectionOptions,
  digest: string,
): tls.SecureContext | undefined {
  if (!areContextsNodes()) return undefined
  let context = contexts.get(digest)
  if (context === undefined) {
    // Node closes a context for single use together with its socket.
    context = tls.createSecureContext({ ...options, singleUse: false } as tls.SecureContextOptions)
    contexts.set(digest, context)
  }
  return context
}
