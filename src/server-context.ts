import { createHash } from 'node:crypto'
import type tls from 'node:tls'
import { defaultCaDigest } from './context-digest.js'
import { encode } from './encode.js'

/** What of a `tls.Server` Node does not declare. */
interface ServerInternals {
  ca?: unknown
  crl?: unknown
  pfx?: unknown
  requestCert?: boolean
  rejectUnauthorized?: boolean
  sessionIdContext?: string
  _contexts: unknown[]
  _sharedCreds: { context: { setSessionIdContext(context: string): void } }
}

/** What a server's sessions are bound to. */
export interface ServerContext {
  /** The cache key of a session id; valid until the next call. */
  keyOf(id: Uint8Array): Uint8Array
  /** Whether every session of the server was verified by the same rules. */
  keepsSessions(): boolean
  /** Leaves the server to Node again, from its next `setSecureContext()` on. */
  release(): void
}

const CONTEXT_LENGTH = 32 // OpenSSL's SSL_MAX_SID_CTX_LENGTH
const MAX_ID_LENGTH = 32 // RFC 5246 section 7.4.1.2

/**
 * Gives the server a `sessionIdContext` of what it trusts, now and after each `setSecureContext()`.
 * Node's default is a hash of the process's arguments: it tells servers apart that are alike, and not
 * those that trust different clients.
 */
export function keepServerContext(server: tls.Server, name: string | undefined): ServerContext {
  const internals = server as unknown as ServerInternals
  const key = Buffer.alloc(CONTEXT_LENGTH + MAX_ID_LENGTH)
  const apply = (): void => {
    const context = digestOf(internals, name)
    key.write(context, 'latin1')
    internals._sharedCreds.context.setSessionIdContext(context)
  }
  const { setSecureContext } = server
  const setAndApply = function (this: tls.Server, options: tls.SecureContextOptions): void {
    setSecureContext.call(this, options)
    apply()
  }
  apply()
  server.setSecureContext = setAndApply
  return {
    keyOf(id) {
      key.set(id.subarray(0, MAX_ID_LENGTH), CONTEXT_LENGTH)
      return key.subarray(0, CONTEXT_LENGTH + id.length)
    },
    keepsSessions: () => !internals.requestCert || !hasContextsByName(internals),
    release() {
      if (server.setSecureContext === setAndApply) server.setSecureContext = setSecureContext
    },
  }
}

/** As many characters as OpenSSL takes for a context, from a digest of all that verifying a client depends on. */
function digestOf(server: ServerInternals, name: string | undefined): string {
  const own = server.sessionIdContext === contextOfArguments() ? undefined : server.sessionIdContext
  const trust = encode([
    name,
    own,
    server.requestCert,
    server.rejectUnauthorized,
    server.ca ? encode(server.ca) : defaultCaDigest(),
    server.crl,
    server.pfx, // may bring CA certificates along
  ])
  return createHash('sha256').update(trust).digest('base64url').slice(0, CONTEXT_LENGTH)
}

/** The context Node gives a server that was told none (`tls.Server.prototype.setSecureContext`). */
function contextOfArguments(): string {
  return createHash('sha1').update(process.argv.join(' ')).digest('hex').slice(0, 32)
}

function hasContextsByName(server: ServerInternals): boolean {
  const callback = Object.getOwnPropertySymbols(server).find(
    ({ description }) => description === 'snicallback',
  )
  return (
    server._contexts.length > 0 || (callback !== undefined && Reflect.get(server, callback) !== undefined)
  )
}
