import tls from 'node:tls'
import { problemError } from '../../cache/shared-file.js'
import type { TierPart } from '../../fleet/second-tier.js'
import { native } from '../../native/addon.js'
import {
  canChooseTicketKeys,
  chooseTicketKeys,
  type TicketKeySource,
} from '../../node/ticket-key-callback.js'
import type { NativeContext } from '../../node/tls-internals.js'
import { disposed, invalidArgType, invalidSecretType, nameConflict } from '../../util/errors.js'
import * as log from '../../util/log.js'
import { secretBytes } from '../../util/secret-bytes.js'
import { clearInterval, clearTimeout, setInterval, setTimeout } from '../../util/time.js'
import { checkBoolean, checkOptionBag } from '../../util/validate.js'
import { WeakRegistry } from '../../util/weak-registry.js'
import { keysAreGiven, serverHasKeys, ticketKeyRefused } from '../errors.js'
import { type BoundUse, bindingOf, bindServer } from '../server-binding.js'
import { trustScopeOf } from '../server-identity.js'
import type { ClusterPart } from './cluster-part.js'
import { isClusterWorker, joinCluster } from './cluster-sync.js'
import { FleetSync } from './fleet-sync.js'
import { KeyOrigin } from './key-origin.js'
import { KeyFeed } from './key-source.js'
import { KEY_LENGTH, keyRing } from './native-ring.js'
import { checkRingOptions, MAX_KEEP, type TicketKeysOptions } from './options.js'
import { TicketDecisions, type TicketRing, type TicketRules } from './ticket-decisions.js'

/** Options of {@link TicketKeys.attach}. */
export interface AttachOptions {
  /** See {@link ResumeSessionsOptions.uniformClientTrust}. */
  uniformClientTrust?: boolean | undefined
}

/** What happened to the tickets of this thread's servers, and which keys there are. */
export interface TicketKeysStats {
  /** Tickets handed out. */
  issued: number
  /** Tickets whose key the ring had. OpenSSL then decides, by their age and session ID context. */
  accepted: number
  /** Of these, tickets of a key that is not the active one. */
  acceptedWithRetiredKey: number
  /** Tickets whose key the ring does not have: too old, or of another server. */
  unknown: number
  /** Tickets neither handed out nor accepted, since a session does not say how its client was verified. */
  ambiguousClientTrust: number
  /**
   * Newest first: how many keys came before it (in a ring that follows another one, a number that only grows), and how many
   * milliseconds ago it became active.
   */
  keys: { generation: number; age: number }[]
  /** With a `tier`: true if the ring was that of the other hosts when the store was last read. */
  isShared: boolean
}

const ATTACH_OPTIONS: readonly string[] = ['uniformClientTrust'] satisfies (keyof AttachOptions)[]

/** How often expired keys are wiped that no ticket asks for. */
const TICK_INTERVAL_MS = 60_000
/** How long a cluster worker waits for the primary's ring before it warns. */
const MAX_PRIMARY_WAIT_MS = 5000

/** The rings of this thread. */
export const openedRings: WeakRegistry<TicketKeys> = new WeakRegistry()

const closeCollected = new FinalizationRegistry<() => void>(close => close())

/**
 * A ring of session ticket keys (RFC 5077 section 4, RFC 8446 section 4.6.1) that rotate without loss. The active key
 * encrypts, retired keys still decrypt, and a resumed TLS 1.3 connection gets a new ticket. All threads that open the
 * ring by its name have the same keys, and follow a rotation at once.
 *
 * With `server.setTicketKeys()` each rotation rejects all earlier tickets, and threads share no keys.
 *
 * In a worker of a `cluster` the ring follows the ring of that name in the primary. While there is none, as under pm2, it
 * uses the keys that Node.js shares between the workers, and does not rotate. A ring with a `path` needs no primary.
 *
 * @throws `ERR_INVALID_ARG_TYPE`, `ERR_OUT_OF_RANGE` and `ERR_TLS_RESUMPTION_UNKNOWN_OPTION` for invalid options,
 * `ERR_TLS_RESUMPTION_TICKET_KEY` and the system's errors for key files, `ERR_TLS_RESUMPTION_NAME_CONFLICT` if the name
 * is open with other options.
 *
 * @example
 * ```ts
 * import tls from 'node:tls'
 * import { TicketKeys } from 'tls-resumption'
 *
 * const keys = new TicketKeys({ name: 'edge', rotateEvery: 3_600_000 })
 * const server = tls.createServer()
 * keys.attach(server)
 * ```
 */
export class TicketKeys {
  /** The name by which threads share the ring, if it has one. */
  readonly name: string | undefined
  /** The absolute path of the file by which processes share the ring, or undefined. */
  readonly path: string | undefined
  readonly #ready: Promise<void>
  /** 0 once it is closed: the number may then be another ring's. */
  #handle: number
  readonly #close: () => void
  readonly #cluster: ClusterPart | undefined
  readonly #feed: KeyFeed | undefined
  readonly #fleet: FleetSync | undefined
  readonly #tier: TierPart | undefined
  /** How long a key decrypts, in milliseconds. */
  readonly #keyLifetime: number
  readonly #origin: KeyOrigin
  readonly #decisions: TicketDecisions
  /** Servers of a Node.js without the callback: each gets each new key. */
  readonly #withoutCallback = new Set<tls.Server>()

  constructor(options: TicketKeysOptions = {}) {
    const { name, path, rotateEvery, keep, source, refreshEvery, tier } = checkRingOptions(options)
    // Hosts may keep more keys than this one asks for.
    const asked = { name, path, rotateEvery, keep: tier ? MAX_KEEP : keep }
    const { handle, contradictions, problem } = native.ringOpen(asked)
    if (path !== undefined && problem) throw problemError('ring', path, problem)
    if (contradictions.length > 0) {
      if (path === undefined) throw nameConflict('ring', String(name), contradictions)
      warnOfOptions(path, contradictions)
    }
    this.name = name
    this.path = path
    this.#handle = handle
    this.#tier = tier
    this.#keyLifetime = rotateEvery === 0 ? Number.POSITIVE_INFINITY : rotateEvery * keep
    // Weakly: timers and listeners are not to keep a ring that its owner has dropped.
    const weak = new WeakRef(this)
    const handleOf = (keys: TicketKeys | undefined) => (keys === undefined ? 0 : keys.#open())
    const ring = keyRing(() => handleOf(weak.deref()))
    const origin = new KeyOrigin(ring, this.#keyLifetime)
    this.#origin = origin
    this.#decisions = new TicketDecisions(this.#ticketRing(), origin)
    let feed: KeyFeed | undefined
    try {
      feed = source && new KeyFeed(source, ring, refreshEvery)
    } catch (error) {
      native.ringClose(handle)
      throw error
    }
    this.#feed = feed
    const waiting = withResolvers()
    // Where the keys are given or shared, every process has them.
    const isOwn = source === undefined && tier === undefined && path === undefined
    const isInWorker = isOwn && isClusterWorker()
    if (isInWorker) origin.useKeysOfNode()
    const events = {
      onPrimary: () => {
        clearTimeout(patience)
        origin.useKeysOfRing()
        waiting.resolve()
      },
    }
    const cluster = isOwn ? joinCluster(name, ring, weak, events) : undefined
    this.#cluster = cluster
    const patience = isInWorker ? startPatience(name, waiting.resolve) : undefined
    const fleet = tier && name ? new FleetSync(ring, tier.ring(name), { rotateEvery, keep }) : undefined
    this.#fleet = fleet
    this.#ready = isInWorker ? waiting.promise : (feed?.ready ?? fleet?.ready ?? Promise.resolve())
    const timer = TicketKeys.#startTimer(weak, rotateEvery)
    this.#close = () => {
      clearInterval(timer)
      clearTimeout(patience)
      waiting.resolve()
      cluster?.end()
      feed?.end()
      fleet?.end()
      native.ringClose(handle)
    }
    closeCollected.register(this, this.#close, this)
    openedRings.add(this)
  }

  /**
   * Resolves when the ring has the keys that it is meant to use: its own at once, those of a `source` or a `tier` when
   * they have come. With a `tier` it waits for a second at most, and in a cluster worker five seconds for the primary's
   * keys. It never rejects.
   */
  get ready(): Promise<void> {
    return this.#ready
  }

  /**
   * Takes the keys of a server's tickets from this ring, and binds its tickets to the identity of the server, as
   * {@link resumeSessions} does for IDs. Servers with equal identities and rings of one name accept each other's tickets.
   *
   * A server that asks for client certificates and has contexts by name hands out no tickets and accepts none. It does if
   * `uniformClientTrust` declares that all its contexts verify clients alike. A server with a `pskCallback` never does.
   *
   * @returns what ends it. The server then uses Node's own ticket keys again.
   * @throws `ERR_INVALID_ARG_TYPE` for anything but a server, `ERR_TLS_RESUMPTION_SERVER_IN_USE` for a server that has a
   * ring.
   */
  attach(server: tls.Server, options: AttachOptions = {}): Disposable {
    if (!(server instanceof tls.Server)) {
      throw invalidArgType('"server" argument', 'an instance of tls.Server', server)
    }
    checkOptionBag('options', options, ATTACH_OPTIONS)
    const { uniformClientTrust = false } = options
    checkBoolean('uniformClientTrust', uniformClientTrust)
    if (bindingOf(server)?.has('tickets')) throw serverHasKeys()
    this.#open()
    this.#checkSessionTimeout(server)

    let bound: BoundUse | undefined
    const rules: TicketRules = {
      mayResume: () => bound?.mayResume() ?? false,
      isGenerationKnown: () => this.#fleet?.isShared !== true || bound?.watch?.isKnown === true,
      isReliable: () => server.listenerCount('resumeSession') === 0 || bindingOf(server)?.has('ids') === true,
    }
    const takeOver = () => this.#takeOver(server)
    bound = bindServer(server, 'tickets', {
      name: this.name,
      keyScope: this.path === undefined ? undefined : trustScopeOf,
      uniformClientTrust,
      tier: this.#tier,
      onContext: context => this.#install(server, context, this.#decisions.sourceFor(context, rules)),
    })
    server.on('listening', takeOver)
    if (server.listening) takeOver()
    return {
      [Symbol.dispose]: () => {
        server.off('listening', takeOver)
        bound?.release()
        bound = undefined
        this.#withoutCallback.delete(server)
      },
    }
  }

  /**
   * Makes a new random key the active one, for all threads at once. Resolves when all processes and hosts that share the
   * ring use it. Without the store of a `tier` it takes effect in this process at once, and elsewhere when the store is
   * back.
   *
   * @throws `ERR_TLS_RESUMPTION_TICKET_KEY` if the ring has a `source`.
   */
  rotate(): Promise<void> {
    const handle = this.#open()
    if (this.#feed) throw keysAreGiven()
    const elsewhere = this.#fleet?.rotate() ?? this.#cluster?.rotateElsewhere()
    if (elsewhere) return quiet(elsewhere)
    native.ringRotate(handle)
    return this.#changed()
  }

  /**
   * Makes a given key the active one, for all threads at once: 48 bytes, name, HMAC key and AES key of 16 each, as in
   * `tls.createServer({ ticketKeys })`. All must be random. The bytes are copied; wipe yours. Resolves as
   * {@link TicketKeys.rotate} does.
   *
   * @throws `ERR_INVALID_ARG_TYPE` for anything but 48 bytes. `ERR_TLS_RESUMPTION_TICKET_KEY` for a key that is not
   * random, for one that shares its name or a secret with a key of the ring, or if the ring has a `source`.
   */
  insert(key: Uint8Array): Promise<void> {
    if (!(key instanceof Uint8Array) || key.length !== KEY_LENGTH) {
      throw invalidSecretType('"key" argument', `a Uint8Array of ${KEY_LENGTH} bytes`, key)
    }
    if (this.#feed) throw keysAreGiven()
    const handle = this.#open()
    if (this.#fleet || this.#cluster?.followsPrimary) {
      const reason = whyRefused(key)
      if (reason !== null) throw ticketKeyRefused(reason)
      const elsewhere = this.#fleet?.rotate(key) ?? this.#cluster?.rotateElsewhere(key)
      if (elsewhere) return quiet(elsewhere)
    }
    const reason = native.ringInsert(handle, key)
    if (reason !== null) throw ticketKeyRefused(reason)
    return this.#changed()
  }

  /** Returns what happened to the tickets of this thread's servers, and which keys there are. */
  stats(): TicketKeysStats {
    const keys = native.ringKeys(this.#open())
    return { ...this.#decisions.counts, keys, isShared: this.#fleet?.isShared ?? false }
  }

  /** Closes the ring; its servers use Node's own ticket keys again. Closing the last ring of a name wipes the keys. */
  [Symbol.dispose](): void {
    if (this.#handle === 0) return
    closeCollected.unregister(this)
    openedRings.delete(this)
    this.#close()
    this.#handle = 0
    this.#withoutCallback.clear()
  }

  #open(): number {
    if (this.#handle === 0) throw disposed('TicketKeys')
    return this.#handle
  }

  /** After a change that this process made itself. */
  #changed(): Promise<void> {
    // A caller that rotates the ring of a worker on its own wants other keys than Node's.
    this.#origin.useKeysOfRing()
    this.#updateServersWithoutCallback()
    return quiet(this.#cluster?.settled() ?? Promise.resolve())
  }

  /** A method of its own: a closure of the constructor that has `this` would keep the ring, by way of its timers. */
  #ticketRing(): TicketRing {
    return {
      name: this.name,
      handle: () => this.#handle,
      hasKeys: () => this.#feed?.hasKeys !== false && this.#fleet?.isReady !== false,
    }
  }

  /** In a cluster worker without a ring in the primary: the other threads of the process get the server's own keys. */
  #takeOver(server: tls.Server): void {
    if (this.#handle !== 0) this.#origin.copyKeysOf(server)
  }

  #install(server: tls.Server, context: NativeContext, source: TicketKeySource): void {
    if (canChooseTicketKeys(context)) {
      chooseTicketKeys(context, source)
    } else {
      this.#withoutCallback.add(server)
      this.#updateServersWithoutCallback()
    }
  }

  /** Where Node.js has no callback each rotation ends the earlier tickets. */
  #updateServersWithoutCallback(): void {
    if (this.#withoutCallback.size === 0) return
    const key = secretBytes(KEY_LENGTH)
    // @guard no-ticket-without-key › tickets › ring: without the callback and without a key the keys of a server stay
    //   ⇒ if true
    if (native.ringActiveKey(this.#handle, key)) {
      for (const server of this.#withoutCallback) server.setTicketKeys(key)
    }
    key.fill(0)
  }

  /** Warns of tickets that outlive the keys: their clients do full handshakes sooner than `sessionTimeout` says. */
  #checkSessionTimeout(server: tls.Server): void {
    const { sessionTimeout } = server as { sessionTimeout?: number }
    if (sessionTimeout === undefined || sessionTimeout * 1000 <= this.#keyLifetime) return
    log.warn(
      'SHORT_LIVED_KEYS',
      `A TLS server has a sessionTimeout of ${sessionTimeout} seconds, and its ticket keys are kept for ` +
        `${Math.floor(this.#keyLifetime / 1000)} (rotateEvery times keep): raise "keep"`,
    )
  }

  static #tickOf(keys: TicketKeys | undefined): void {
    if (keys === undefined) return
    native.ringTick(keys.#handle)
    keys.#updateServersWithoutCallback()
  }

  /** A ring rotates when a ticket needs a key. The timer wipes expired keys that no ticket needs. */
  static #startTimer(keys: WeakRef<TicketKeys>, rotateEvery: number): NodeJS.Timeout {
    const interval = Math.min(TICK_INTERVAL_MS, Math.max(rotateEvery, 1000))
    return setInterval(() => TicketKeys.#tickOf(keys.deref()), interval).unref()
  }
}

/** Returns why a key is refused, by means of a ring of its own. */
function whyRefused(key: Uint8Array): string | null {
  const { handle } = native.ringOpen({ name: undefined, rotateEvery: 0, keep: 1 })
  try {
    return native.ringInsert(handle, key)
  } finally {
    native.ringClose(handle)
  }
}

function warnOfOptions(path: string, contradictions: readonly string[]): void {
  log.warn(
    'RING_OPTIONS',
    `The ring of ticket keys in ${path} was made with other options: ${contradictions.join('; ')}. Use the same in all ` +
      `processes, or remove it and its tickets: npx tls-resumption cache ${path} --remove`,
  )
}

/** A caller that does not await the promise is not to get an unhandled rejection. */
function quiet(promise: Promise<void>): Promise<void> {
  promise.catch(() => {})
  return promise
}

/** Warns, at once or when the primary has not answered for a while, that the ring of a cluster worker knows no ring of the primary. */
function startPatience(name: string | undefined, done: () => void): NodeJS.Timeout {
  const end = () => {
    const what = name === undefined ? 'a ring without a name' : `no ring named '${name}' in the primary`
    log.warn(
      'NO_PRIMARY_KEYS',
      `This cluster worker has ${what}, so its tickets use the keys of Node.js, which do not rotate: make a TicketKeys ` +
        `of one name in the primary and the workers, or give it a path, a source or a tier`,
    )
    done()
  }
  return setTimeout(end, name === undefined ? 0 : MAX_PRIMARY_WAIT_MS).unref()
}

/** Does what `Promise.withResolvers` does, which Node.js 20 does not have. */
function withResolvers(): { promise: Promise<void>; resolve: () => void } {
  let resolve: () => void = () => {}
  const promise = new Promise<void>(done => {
    resolve = done
  })
  return { promise, resolve }
}
