import { createHash, X509Certificate } from 'node:crypto'
import tls from 'node:tls'
import { tellOfServer } from '../diagnostics/server-events.js'
import { encode, OpaqueValue } from '../key/canonical-encoding.js'
import { defaultCaDigest } from '../key/context-digest.js'
import { identityToken } from '../key/function-identity.js'
import { canChooseTicketKeys, refuseTickets } from '../node/ticket-key-callback.js'
import {
  hasContextsByName,
  hasPskCallback,
  type NativeContext,
  nativeContextOf,
} from '../node/tls-internals.js'
import { sha256 } from '../util/digest.js'
import * as log from '../util/log.js'

/** What of a `tls.Server` Node does not declare. */
type ServerInternals = tls.Server & {
  requestCert?: boolean
  rejectUnauthorized?: boolean
  sessionIdContext?: string
  ca?: unknown
  cert?: unknown
  pfx?: unknown
}

/** What resumes a server's connections, and the name of what it shares with other servers. */
export type Mechanism = 'ids' | 'tickets'

/** How a mechanism uses a server. */
export interface ServerUse {
  name: string | undefined
  /** The caller vouches that all contexts by name verify clients alike. */
  uniformClientTrust: boolean
  /** Told of each new native context, which knows nothing of what was set on the one before. */
  onContext?(context: NativeContext): void
}

/** What a server's sessions are bound to. */
export interface ServerContext {
  /** The cache key of a session id; valid until the next call. */
  keyOf(id: Uint8Array): Uint8Array
  /** Whether every session of the server was verified by the same rules. */
  isUniform(): boolean
  /** Leaves the server to Node again, from its next `setSecureContext()` on. */
  release(): void
}

const CONTEXT_LENGTH = 32 // OpenSSL's SSL_MAX_SID_CTX_LENGTH
const MAX_ID_LENGTH = 32 // RFC 5246 section 7.4.1.2

const keepers = new WeakMap<tls.Server, Keeper>()

/**
 * Gives the server a `sessionIdContext` of who it is and what it trusts, now and after each
 * `setSecureContext()`. Node's default is a hash of the process's arguments: it tells servers apart that
 * are alike, and not those that trust different clients.
 */
export function keepServerContext(server: tls.Server, mechanism: Mechanism, use: ServerUse): ServerContext {
  let keeper = keepers.get(server)
  if (keeper === undefined || keeper.isReleased) {
    keeper = new Keeper(server)
    keepers.set(server, keeper)
  }
  return keeper.add(mechanism, use)
}

/** Whether the mechanism is in use at the server. */
export function isInUse(server: tls.Server, mechanism: Mechanism): boolean {
  return keepers.get(server)?.has(mechanism) ?? false
}

/** What the mechanisms of one server have in common: OpenSSL knows one `sessionIdContext`. */
class Keeper {
  isReleased = false
  readonly #server: ServerInternals
  readonly #uses = new Map<Mechanism, ServerUse>()
  readonly #key = Buffer.alloc(CONTEXT_LENGTH + MAX_ID_LENGTH)
  // Of the arguments as they are now, which is what Node may have used.
  readonly #byDefault = contextOfArguments()
  readonly #restore: () => void
  #applied: State | undefined
  #isTold = false

  constructor(server: tls.Server) {
    this.#server = server
    const isOwnMethod = Object.hasOwn(server, 'setSecureContext')
    const { setSecureContext } = server
    const keeper = this
    const setAndApply = function (this: tls.Server, options: tls.SecureContextOptions): void {
      setSecureContext.call(this, options)
      // @guard session-id-context › tickets › *: the ring is there after setSecureContext
      if (!keeper.isReleased) keeper.#renew()
    }
    server.setSecureContext = setAndApply
    // Contexts by name and `requestCert` may have come since: before Node makes anything of the connection.
    const keepUp = () => this.#keepUp()
    // @guard names-added-later › tickets-trust › contexts by name that come after all else count from the
    //   next connection on
    server.prependListener('connection', keepUp)
    server.prependListener('secureConnection', tellOfHandshake)
    this.#restore = () => {
      server.off('connection', keepUp)
      server.off('secureConnection', tellOfHandshake)
      if (server.setSecureContext !== setAndApply) return
      if (isOwnMethod) server.setSecureContext = setSecureContext
      else Reflect.deleteProperty(server, 'setSecureContext')
    }
  }

  has(mechanism: Mechanism): boolean {
    return this.#uses.has(mechanism)
  }

  add(mechanism: Mechanism, use: ServerUse): ServerContext {
    this.#uses.set(mechanism, use)
    this.#apply()
    use.onContext?.(nativeContextOf(this.#server))
    return {
      keyOf: id => this.#keyOf(id),
      isUniform: () => this.#isUniform(use),
      release: () => this.#remove(mechanism, use),
    }
  }

  #remove(mechanism: Mechanism, use: ServerUse): void {
    if (this.#uses.get(mechanism) !== use) return
    this.#uses.delete(mechanism)
    if (this.#uses.size > 0) return
    this.isReleased = true
    this.#restore()
  }

  /** After the server got a new context. */
  #renew(): void {
    this.#apply()
    for (const use of this.#uses.values()) use.onContext?.(nativeContextOf(this.#server))
  }

  #apply(): void {
    this.#applied = stateOf(this.#server)
    const context = digestOf(this.#server, this.#uses, this.#byDefault)
    this.#key.write(context, 'latin1')
    const native = nativeContextOf(this.#server)
    // @guard session-id-context › session-ids › two processes with different arguments give their servers the
    //   same sessionIdContext
    native.setSessionIdContext(context)
    this.#guardTickets(native)
  }

  /** Node's own tickets say no more of how a client was verified than others do. */
  #guardTickets(native: NativeContext): void {
    const isSafe = [...this.#uses.values()].every(use => why(this.#server, use) === undefined)
    // @guard client-trust-by-name › tickets-trust › *: a ticket of one name's client authorizes at another
    //   name with Node alone, not with us
    //   ⇒ if true
    if (isSafe) return
    // A ring asks before each ticket, where Node has the hook for that.
    if (!this.#uses.has('tickets') || !canChooseTicketKeys(native)) refuseTickets(native)
  }

  #keyOf(id: Uint8Array): Uint8Array {
    this.#key.set(id.length > MAX_ID_LENGTH ? id.subarray(0, MAX_ID_LENGTH) : id, CONTEXT_LENGTH)
    return this.#key.subarray(0, CONTEXT_LENGTH + Math.min(id.length, MAX_ID_LENGTH))
  }

  #keepUp(): void {
    // @guard client-trust-by-name › server-identity › requestCert, switched on later, counts for sessions
    //   from before
    if (this.#applied === undefined || !isIn(this.#server, this.#applied)) this.#apply()
  }

  #isUniform(use: ServerUse): boolean {
    this.#keepUp()
    const reason = why(this.#server, use)
    if (reason !== undefined) {
      tellOfServer('refused-by-guard', { name: use.name })
      this.#tell(reason)
    }
    return reason === undefined
  }

  #tell(reason: string): void {
    if (this.#isTold) return
    this.#isTold = true
    log.warn('SERVER_NOT_UNIFORM', `A TLS server resumes no connections: ${reason}`)
  }
}

/** Before the application's listeners: one of them may destroy the socket, which then tells nothing. */
function tellOfHandshake(this: tls.Server, socket: tls.TLSSocket): void {
  const protocol = socket.getProtocol() ?? undefined
  const isResumed = socket.isSessionReused()
  tellOfServer(isResumed ? 'resumed' : 'full', { protocol })
  // @guard optional-client-certificate › tickets-trust › a client without a certificate is no more authorized
  //   when it resumes, where certificates are optional
  //   ⇒ `verifyAgain(socket)` becomes `{}`
  if (isResumed && socket.authorized && !hasPskCallback(this)) verifyAgain(socket)
}

/**
 * Nodes before 24 take a resumed TLS 1.3 client without a certificate for one with a pre-shared key, and so for
 * authorized. It gets the verdict of a full handshake.
 */
function verifyAgain(socket: tls.TLSSocket): void {
  if (socket.getPeerX509Certificate() !== undefined) return
  socket.authorized = false
  socket.authorizationError = 'UNABLE_TO_GET_ISSUER_CERT' as unknown as Error // a code, whatever its type says
}

/** Why the sessions of a server prove too little, if they do. */
function why(server: ServerInternals, { uniformClientTrust }: ServerUse): string | undefined {
  // @guard client-trust-by-name › server-identity › a server with pre-shared keys keeps no sessions, so that
  //   each client proves its own
  //   ⇒ if false
  if (hasPskCallback(server)) {
    return 'it has a pskCallback, and a session does not say which pre-shared key its client had'
  }
  // @guard client-trust-by-name › tickets-trust › *: a ticket of one name's client authorizes at another name
  //   with Node alone, not with us
  //   ⇒ if true
  if (uniformClientTrust || !server.requestCert || !hasContextsByName(server)) return undefined
  return (
    'it asks for client certificates and has contexts by name, and a session does not say under which name its ' +
    'client was verified (see the option uniformClientTrust)'
  )
}

/** What of a server changes without `setSecureContext()`. */
interface State {
  requestCert: unknown
  rejectUnauthorized: unknown
  hasContextsByName: boolean
}

function stateOf(server: ServerInternals): State {
  const { requestCert, rejectUnauthorized } = server
  return { requestCert, rejectUnauthorized, hasContextsByName: hasContextsByName(server) }
}

/** Compares without making a state: every look-up asks. */
function isIn(server: ServerInternals, state: State): boolean {
  return (
    server.requestCert === state.requestCert &&
    server.rejectUnauthorized === state.rejectUnauthorized &&
    hasContextsByName(server) === state.hasContextsByName
  )
}

/** What decides how a client is verified and for how long that counts, or how strong its connection must be. */
const TRUST = [
  // @guard shared-keys-client-certificate › server-identity › {} of a server, changed alone, * ⇒ drop each
  'requestCert',
  'rejectUnauthorized',
  'crl',
  'pfx', // may bring CA certificates along, and is who the server is
  'ciphers',
  'dhparam',
  'ecdhCurve',
  'maxVersion',
  'minVersion',
  'secureOptions',
  'secureProtocol',
  'sessionTimeout',
  'sigalgs',
] as const

/** What Node takes in its place, which applications and the command line set. */
function whereLeftOut(option: (typeof TRUST)[number]): unknown {
  if (option === 'ciphers') return tls.DEFAULT_CIPHERS
  if (option === 'ecdhCurve') return tls.DEFAULT_ECDH_CURVE
  if (option === 'minVersion') return tls.DEFAULT_MIN_VERSION
  return option === 'maxVersion' ? tls.DEFAULT_MAX_VERSION : undefined
}

/** As many characters as OpenSSL takes for a context, from a digest of all that a session depends on. */
function digestOf(server: ServerInternals, uses: Uses, byDefault: string): string {
  return sha256(textOf(server, uses, byDefault)).slice(0, CONTEXT_LENGTH)
}

type Uses = ReadonlyMap<Mechanism, ServerUse>

function textOf(server: ServerInternals, uses: Uses, byDefault: string): string {
  try {
    return encode([
      uses.get('ids')?.name,
      uses.get('tickets')?.name,
      server.sessionIdContext === byDefault ? undefined : server.sessionIdContext,
      // @guard shared-keys-client-certificate › server-identity › ca of a server, changed alone, changes its
      //   sessionIdContext
      server.ca ? encode(server.ca) : defaultCaDigest(),
      // @guard shared-keys-server-name › tickets-trust › a ticket of one server name opens no server of
      //   another one
      identityOf(server.cert),
      // Certificates by name, which are not to be seen: such a server shares with no other.
      hasContextsByName(server) ? identityToken(server) : undefined,
      ...TRUST.map(option => Reflect.get(server, option) ?? whereLeftOut(option)),
    ])
  } catch (error) {
    if (error instanceof OpaqueValue) return identityToken(server)
    throw error
  }
}

/** Whom the certificates name and who says so: renewing them leaves that, and the sessions, as they were. */
function identityOf(certificates: unknown): unknown {
  return [certificates].flat().map(certificate => {
    try {
      const { subject, subjectAltName, issuer } = new X509Certificate(certificate as string)
      return [subject, subjectAltName, issuer]
    } catch {
      return certificate
    }
  })
}

/** The context Node gives a server that was told none (`tls.Server.prototype.setSecureContext`). */
function contextOfArguments(): string {
  return createHash('sha1').update(process.argv.join(' ')).digest('hex').slice(0, 32)
}
