import tls from 'node:tls'

const MAX_CONTEXTS = 100

/** One SecureContext for all connections with equal options: making one costs a third of a handshake. */
const contexts = new Map<string, tls.SecureContext>()

/**
 * The SecureContext for these options, whose `contextDigest` is `digest`. It is shared, so it never leaves this package except within
 * the sockets that use it.
 *
 * @throws what `tls.createSecureContext` throws.
 */
export function secureContextFor(options: tls.ConnectionOptions, digest: string): tls.SecureContext {
  const context = contexts.get(digest) ?? tls.createSecureContext(options)
  // Back to the end of the map, whose first entry is then the least recently used.
  contexts.delete(digest)
  contexts.set(digest, context)
  if (contexts.size > MAX_CONTEXTS) {
    for (const oldest of contexts.keys()) {
      contexts.delete(oldest)
      break
    }
  }
  return context
}
