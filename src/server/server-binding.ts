import '../native/second-copy.js'
import type tls from 'node:tls'
import { countServerEvent } from '../diagnostics/server-events.js'
import type { TierPart } from '../fleet/second-tier.js'
import { watchServerHandshakes } from '../node/server-handshakes.js'
import { canChooseTicketKeys, refuseTickets, useTicketKeysOfNode } from '../node/ticket-key-callback.js'
import { type NativeContext, nativeContextOf } from '../node/tls-internals.js'
import { sha256 } from '../util/digest.js'
import * as log from '../util/log.js'
import { GenerationWatch } from './generation-watch.js'
import { recordHandshake } from './handshakes.js'
import { joinRevocations } from './revocation-sync.js'
import { generationOf } from './revocations.js'
import {
  CONTEXT_LENGTH,
  contextOfArguments,
  hasSwitches,
  type ServerInternals,
  serverIdentity,
  type TrustSwitches,
  trustSwitchesOf,
  whyAmbiguous,
} from './server-identity.js'

/** What resumes a server's connections. */
export type Mechanism = 'ids' | 'tickets'

/** How a mechanism uses a server. */
export interface ServerUse {
  /** The name of what the server shares with others: of a cache or of a ring. */
  name: string | undefined
  /** Returns what the sessions are bound to besides the identity, if they are in a file that processes share. */
  keyScope?: ((server: ServerInternals) => string) | undefined
  /** True if the caller declares that all contexts by name verify clients alike. */
  uniformClientTrust: boolean
  /** The second tier through which other hosts learn of revocations. */
  tier?: TierPart | undefined
  /** Called with each new native context, which has none of the settings of the earlier one. */
  onContext?(context: NativeContext): void
}

/** A mechanism's hold on a server. */
export interface BoundUse {
  /** Returns the cache key of a session ID, valid until the next call. */
  keyOf(id: Uint8Array): Uint8Array
  /** True if every session of the server says how its client was verified. Counts a refusal otherwise. */
  mayResume(): boolean
  /** The watch on revocations that the second tier has; undefined without a tier. */
  readonly watch: GenerationWatch | undefined
  /** The session ID context that OpenSSL compares the server's sessions with. */
  readonly context: string
  /** True if that is what Node.js derives from the arguments of the process. */
  readonly hasDefaultContext: boolean
  /** Ends the use. After the last one the server resumes as it does with Node alone. */
  release(): void
}

/** RFC 5246 section 7.4.1.2. */
const MAX_ID_LENGTH = 32

const bindings = new WeakMap<tls.Server, ServerBinding>()

/**
 * Binds the sessions of a server to its identity, for a mechanism: now, after each `setSecureContext()`, and after
 * each revocation.
 */
export function bindServer(server: tls.Server, mechanism: Mechanism, use: ServerUse): BoundUse {
  let binding = bindings.get(server)
  if (binding === undefined || binding.isReleased) {
    binding = new ServerBinding(server)
    bindings.set(server, binding)
  }
  return binding.add(mechanism, use)
}

/** Returns the binding of a server; undefined if no mechanism uses it. */
export function bindingOf(server: tls.Server): ServerBinding | undefined {
  const binding = bindings.get(server)
  return binding?.isReleased ? undefined : binding
}

/** What the mechanisms of one server share: OpenSSL knows one session ID context. */
export class ServerBinding {
  isReleased = false
  readonly #server: ServerInternals
  readonly #uses = new Map<Mechanism, ServerUse>()
  readonly #watches = new Map<TierPart, GenerationWatch>()
  readonly #key = Buffer.alloc(CONTEXT_LENGTH + MAX_ID_LENGTH)
  /** The default context by the arguments as they were when the server was bound, and likely when it was made. */
  readonly #contextAtStart = contextOfArguments()
  readonly #restore: () => void
  #identity = ''
  #generation = 0
  #context = ''
  #hasDefaultContext = false
  #switches: TrustSwitches | undefined
  #hasWarned = false

  constructor(server: tls.Server) {
    this.#server = server
    watchServerHandshakes()
    joinRevocations()
    const isOwnMethod = Object.hasOwn(server, 'setSecureContext')
    const { setSecureContext } = server
    const binding = this
    const setAndApply = function (this: tls.Server, options: tls.SecureContextOptions): void {
      setSecureContext.call(this, options)
      // @guard session-id-context › tickets › *: ring: setSecureContext does not end it
      if (!binding.isReleased) binding.#renew()
    }
    server.setSecureContext = setAndApply
    // Before Node.js starts on the connection: contexts by name, requestCert or a revocation may have come.
    const keepUp = () => this.#keepUp()
    // @guard names-added-later › tickets-trust › contexts by name that come after all else count from the
    //   next connection on
    server.prependListener('connection', keepUp)
    server.prependListener('secureConnection', recordHandshake)
    this.#restore = () => {
      server.off('connection', keepUp)
      server.off('secureConnection', recordHandshake)
      if (server.setSecureContext !== setAndApply) return
      if (isOwnMethod) server.setSecureContext = setSecureContext
      else Reflect.deleteProperty(server, 'setSecureContext')
    }
  }

  /** What revocations count by. */
  get identity(): string {
    return this.#identity
  }

  /** The watches on the second tiers that its mechanisms use. */
  get watches(): GenerationWatch[] {
    return [...this.#watches.values()]
  }

  has(mechanism: Mechanism): boolean {
    return this.#uses.has(mechanism)
  }

  add(mechanism: Mechanism, use: ServerUse): BoundUse {
    this.#uses.set(mechanism, use)
    this.#apply()
    use.onContext?.(nativeContextOf(this.#server))
    const binding = this
    const { tier } = use
    if (tier && !this.#watches.has(tier)) this.#watches.set(tier, new GenerationWatch(tier, this))
    return {
      watch: tier && this.#watches.get(tier),
      keyOf: id => this.#keyOf(id),
      mayResume: () => this.#mayResume(use),
      get context() {
        return binding.#context
      },
      get hasDefaultContext() {
        return binding.#hasDefaultContext
      },
      release: () => this.#remove(mechanism, use),
    }
  }

  /** Has the server take a changed generation into account before the next connection does. */
  refresh(): void {
    if (!this.isReleased) this.#keepUp()
  }

  #remove(mechanism: Mechanism, use: ServerUse): void {
    if (this.#uses.get(mechanism) !== use) return
    this.#uses.delete(mechanism)
    const tiers = new Set([...this.#uses.values()].map(({ tier }) => tier))
    for (const [tier, watch] of this.#watches) {
      if (tiers.has(tier)) continue
      watch.end()
      this.#watches.delete(tier)
    }
    if (this.#uses.size === 0) {
      this.isReleased = true
      this.#restore()
    }
    this.#apply()
  }

  /** Applies everything to the new context that the server got. */
  #renew(): void {
    this.#apply()
    for (const use of this.#uses.values()) use.onContext?.(nativeContextOf(this.#server))
  }

  #apply(): void {
    const server = this.#server
    const { sessionIdContext: ofNode = '' } = server
    this.#switches = trustSwitchesOf(server)
    const isDefault = ofNode === this.#contextAtStart || ofNode === contextOfArguments()
    this.#identity = serverIdentity(server, isDefault)
    this.#generation = generationOf(this.#identity)
    // @guard shared-keys-client-certificate › ticket-ring-file › tickets in a file: a process that trusts otherwise accepts none
    //   ⇒ `this.#scopeOf('tickets')` becomes `''`
    const context = this.#digest(`context${this.#scopeOf('tickets')}`)
    const ids = this.#scopeOf('ids') || this.#uses.get('ids')?.name
    this.#key.write(this.#digest(`ids of ${ids ?? ''}`), 'latin1')
    const isBound = this.#bindsTickets()
    this.#context = isBound ? context : ofNode
    this.#hasDefaultContext = isDefault && !isBound
    const native = nativeContextOf(server)
    // @guard session-id-context › tickets-trust › a ticket of one server name does not resume at a server of another
    //   one
    native.setSessionIdContext(this.#context)
    this.#guardTickets(native)
  }

  #scopeOf(mechanism: Mechanism): string {
    return this.#uses.get(mechanism)?.keyScope?.(this.#server) ?? ''
  }

  /** Returns as many characters as OpenSSL takes for a context, which change with all that sessions depend on. */
  #digest(purpose: string): string {
    return sha256(`${this.#identity} ${this.#generation} ${purpose}`).slice(0, CONTEXT_LENGTH)
  }

  /**
   * True if tickets have to be bound to the identity. Otherwise they are Node's, as they are without this package: other
   * processes may share them by Node's own means, and session IDs are bound by their key in the cache.
   */
  #bindsTickets(): boolean {
    if (this.#generation > 0) return true
    return this.#uses.has('tickets') || (!this.isReleased && this.#server.requestCert === true)
  }

  /** Node's own tickets do not say how a client was verified either. */
  #guardTickets(native: NativeContext): void {
    // A ring asks before each ticket, where Node.js has the callback for that.
    if (this.#uses.has('tickets') && canChooseTicketKeys(native)) return
    const isSafe = [...this.#uses.values()].every(
      use => whyAmbiguous(this.#server, use.uniformClientTrust) === undefined,
    )
    // @guard client-trust-by-name › tickets-trust › *: a ticket of one name's client authorizes at another
    //   name with Node alone, not with us
    //   ⇒ if true
    if (isSafe) useTicketKeysOfNode(native)
    else refuseTickets(native)
  }

  #keyOf(id: Uint8Array): Uint8Array {
    if (id.length === MAX_ID_LENGTH) {
      this.#key.set(id, CONTEXT_LENGTH)
      return this.#key
    }
    this.#key.set(id.subarray(0, MAX_ID_LENGTH), CONTEXT_LENGTH)
    return this.#key.subarray(0, CONTEXT_LENGTH + Math.min(id.length, MAX_ID_LENGTH))
  }

  #keepUp(): void {
    // @guard client-trust-by-name › server-identity › binding: requestCert that is switched on later counts for
    //   earlier sessions
    if (this.#switches === undefined || !hasSwitches(this.#server, this.#switches) || this.#isRevoked())
      this.#apply()
  }

  #isRevoked(): boolean {
    return generationOf(this.#identity) !== this.#generation
  }

  #mayResume(use: ServerUse): boolean {
    this.#keepUp()
    const reason = whyAmbiguous(this.#server, use.uniformClientTrust)
    if (reason !== undefined) {
      countServerEvent('ambiguous-client-trust', { name: use.name })
      this.#warn(reason)
    }
    return reason === undefined
  }

  #warn(reason: string): void {
    if (this.#hasWarned) return
    this.#hasWarned = true
    log.warn('SERVER_NOT_UNIFORM', `A TLS server resumes no connections: ${reason}`)
  }
}
