import tls from 'node:tls'
import { checkPath, problemError } from '../../cache/shared-file.js'
import { countServerEvent } from '../../diagnostics/server-events.js'
import { checkTier, type SecondTier, type TierPart } from '../../fleet/second-tier.js'
import { native } from '../../native/addon.js'
import { currentProtocol, noteFound } from '../../node/server-handshakes.js'
import {
  canChooseTicketKeys,
  chooseTicketKeys,
  copyTicketKeysOfNode,
  type TicketKeySource,
  type TicketVerdict,
  ticketKeysOfNode,
} from '../../node/ticket-key-callback.js'
import { type NativeContext, nativeContextOf } from '../../node/tls-internals.js'
import { disposed, invalidArgType, invalidSecretType, nameConflict } from '../../util/errors.js'
import * as log from '../../util/log.js'
import { secretBytes } from '../../util/secret-bytes.js'
import {
  clearInterval,
  clearTimeout,
  HOUR,
  monotonicNow,
  SECOND,
  SEVEN_DAYS,
  setInterval,
  setTimeout,
} from '../../util/time.js'
import { checkBoolean, checkInteger, checkOptionBag, checkString } from '../../util/validate.js'
import { WeakRegistry } from '../../util/weak-registry.js'
import { keysAreGiven, serverHasKeys, ticketKeyRefused } from '../errors.js'
import { type BoundUse, bindingOf, bindServer } from '../server-binding.js'
import { trustScopeOf } from '../server-identity.js'
import type { ClusterPart } from './cluster-part.js'
import { isClusterWorker, joinCluster } from './cluster-sync.js'
import { FleetSync } from './fleet-sync.js'
import { checkKeySource, KeyFeed, type KeySource } from './key-source.js'
import { AGED_KEY_LENGTH, type KeyRing, keyRing, NEVER_ROTATES, writeEntry } from './native-ring.js'

/** Options of {@link TicketKeys}. Times are milliseconds. */
export interface TicketKeysOptions {
  /**
   * Rings of one name share one memory, in all threads of the process. It is wiped when the last of them is disposed of.
   * A ring without a name is private to its object. 1 to 256 characters.
   */
  name?: string | undefined
  /**
   * The path of a file on tmpfs, as `/run/myapp/tls-keys`. All processes of the user that open it have the same keys, in all
   * of their threads, and the keys stay when the processes end. Any of them rotates. Linux only. It does not go with a
   * `name`, a `source` or a `tier`.
   *
   * The first process decides `rotateEvery`, and the longest `keep` holds: a process with other values warns. Any process
   * of the user can read the keys.
   */
  path?: string | undefined
  /**
   * How long a key is the active one before a new random key replaces it, 1 to 604,800,000 (seven days). 0: until
   * {@link TicketKeys.rotate} or {@link TicketKeys.insert}.
   * @defaultValue 3_600_000 (an hour)
   */
  rotateEvery?: number | undefined
  /**
   * How many keys there are at most, the active one included, 1 to 64. A key is wiped `keep` times `rotateEvery` after it
   * became active, or when as many newer ones exist.
   *
   * The default covers the two hours for which Node.js lets tickets live, and one interval more. It is 64 at most, so an
   * interval below 115 seconds covers less: 64 times `rotateEvery`.
   * @defaultValue `Math.min(64, Math.ceil(7_200_000 / rotateEvery) + 1)`; 3 without an interval, 64 with a `source`
   */
  keep?: number | undefined
  /**
   * Where the keys come from, if the ring does not make its own. Nothing else rotates them then, and a key that the
   * source no longer has is wiped. Until a function has answered for the first time there are no tickets.
   */
  source?: KeySource | undefined
  /**
   * How often the source is read or called again, 100 to 604,800,000.
   * @defaultValue 10_000
   */
  refreshEvery?: number | undefined
  /**
   * Shares the ring with those of the same name in other processes and on other hosts: a `RedisTier` of
   * `tls-resumption/redis`. One host makes each new key, and all can decrypt with it before any encrypts with it. Without
   * the store each host continues with the keys that it has; the active one then encrypts for up to `keep` times as long.
   *
   * It takes a `name`, a `rotateEvery` of a second or more (or 0), and no `source`. In a `cluster` every process has it.
   * Hosts whose `rotateEvery` or `keep` differ warn, and keep keys for the longer time.
   */
  tier?: SecondTier | undefined
}

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
  /** With a `tier`: true if the ring was the one of the other hosts when the store was last read. */
  isShared: boolean
}

const OPTIONS: readonly string[] = [
  'name',
  'path',
  'rotateEvery',
  'keep',
  'source',
  'refreshEvery',
  'tier',
] satisfies (keyof TicketKeysOptions)[]
const ATTACH_OPTIONS: readonly string[] = ['uniformClientTrust'] satisfies (keyof AttachOptions)[]

/** OpenSSL's default, and so that of a server without `sessionTimeout`. */
const TICKET_LIFETIME_MS = 2 * HOUR
const MAX_KEEP = 64
const KEY_LENGTH = 48
const KEY_NAME_LENGTH = 16
const REFRESH_INTERVAL_MS = 10_000
/** The shortest interval with a tier: other hosts have to read a key in a part of it. */
const MIN_SHARED_INTERVAL_MS = 1000
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
  readonly #ready: Promise<void>
  /** 0 once it is closed: the number may then be another ring's. */
  #handle: number
  readonly #close: () => void
  readonly #ring: KeyRing
  readonly #keyLifetime: number
  readonly #cluster: ClusterPart | undefined
  readonly #feed: KeyFeed | undefined
  readonly #fleet: FleetSync | undefined
  readonly #path: string | undefined
  readonly #tier: TierPart | undefined
  /**
   * Which keys encrypt. `node`: the server's own, which Node.js shares between the workers of a cluster; it is so while a
   * cluster worker knows no ring of the primary.
   */
  #keysFrom: 'ring' | 'node' = 'ring'
  /** Until when the server's own keys still decrypt, by the monotonic clock. */
  #nodeKeysUntil = 0
  /** The name of the key that this thread's servers have encrypted with last. */
  #activeName: Buffer | undefined
  readonly #counts = {
    issued: 0,
    accepted: 0,
    acceptedWithRetiredKey: 0,
    unknown: 0,
    ambiguousClientTrust: 0,
  }
  /** Servers of a Node.js without the callback: each gets each new key. */
  readonly #withoutCallback = new Set<tls.Server>()

  constructor(options: TicketKeysOptions = {}) {
    checkOptionBag('options', options, OPTIONS)
    const { name, source, refreshEvery = REFRESH_INTERVAL_MS } = options
    const { rotateEvery = source ? 0 : HOUR } = options
    checkString('name', name, 256)
    checkInteger('rotateEvery', rotateEvery, 0, source ? 0 : SEVEN_DAYS)
    checkInteger('keep', options.keep, 1, MAX_KEEP)
    checkKeySource(source)
    checkInteger('refreshEvery', refreshEvery, 100, SEVEN_DAYS)
    const tier = checkTier(options.tier)
    if (tier && source) throw keysAreGiven()
    if (tier && rotateEvery > 0) checkInteger('rotateEvery', rotateEvery, MIN_SHARED_INTERVAL_MS, SEVEN_DAYS)
    if (tier && name === undefined)
      throw invalidArgType('"name" option', 'a string, where there is a tier', name)
    const path = options.path === undefined ? undefined : checkPath(options.path)
    if (path !== undefined) checkGoesWithPath({ name, source, tier })
    if (rotateEvery > 0 && rotateEvery < SECOND) {
      log.warnOnce(
        'UNUSUAL_VALUE',
        `A "rotateEvery" of ${rotateEvery} ms makes a new ticket key that often: is it in milliseconds?`,
      )
    }
    const keep = options.keep ?? (source ? MAX_KEEP : defaultKeep(rotateEvery))
    // Hosts may keep more keys than this one asks for.
    const asked = { name, path, rotateEvery, keep: tier ? MAX_KEEP : keep }
    const { handle, contradictions, problem } = native.ringOpen(asked)
    if (path !== undefined && problem) throw problemError('ring', path, problem)
    if (contradictions.length > 0) {
      if (path === undefined) throw nameConflict('ring', String(name), contradictions)
      warnOfOptions(path, contradictions)
    }
    this.name = name
    this.#path = path
    this.#handle = handle
    this.#tier = tier
    this.#keyLifetime = rotateEvery === 0 ? Number.POSITIVE_INFINITY : rotateEvery * keep
    // Weakly: timers and listeners are not to keep a ring that its owner has dropped.
    const weak = new WeakRef(this)
    const handleOf = (keys: TicketKeys | undefined) => (keys === undefined ? 0 : keys.#open())
    const ring = keyRing(() => handleOf(weak.deref()))
    this.#ring = ring
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
    if (isInWorker) this.#useKeysOfNode()
    const events = {
      onPrimary: () => {
        clearTimeout(patience)
        const keys = weak.deref()
        if (keys !== undefined) keys.#useKeysOfRing()
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
   * A server that asks for client certificates and has contexts by name hands out no tickets and accepts none, unless
   * `uniformClientTrust` declares that all its contexts verify clients alike. Nor does a server with a `pskCallback`.
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
    const mayResume = () => bound?.mayResume() ?? false
    const isGenerationKnown = () => this.#fleet?.isShared !== true || bound?.watch?.isKnown === true
    const isReliable = () =>
      server.listenerCount('resumeSession') === 0 || bindingOf(server)?.has('ids') === true
    const takeOver = () => this.#takeOver(server)
    bound = bindServer(server, 'tickets', {
      name: this.name,
      keyScope: this.#path === undefined ? undefined : trustScopeOf,
      uniformClientTrust,
      tier: this.#tier,
      onContext: context =>
        this.#install(server, context, this.#sourceFor(context, mayResume, isGenerationKnown, isReliable)),
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
    return { ...this.#counts, keys, isShared: this.#fleet?.isShared ?? false }
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
    if (this.#keysFrom === 'node') this.#useKeysOfRing()
    this.#updateServersWithoutCallback()
    return quiet(this.#cluster?.settled() ?? Promise.resolve())
  }

  #useKeysOfNode(): void {
    this.#keysFrom = 'node'
    // The ring itself must not rotate either: threads of this process use it.
    this.#ring.lend(keys => this.#ring.replace(keys, NEVER_ROTATES))
  }

  #useKeysOfRing(): void {
    if (this.#keysFrom === 'ring') return
    this.#keysFrom = 'ring'
    this.#nodeKeysUntil = monotonicNow() + Math.min(this.#keyLifetime, SEVEN_DAYS)
  }

  /**
   * Puts the keys of a server that started to listen into the ring of a worker on its own, for the threads of this
   * process. Node.js has exchanged them with the other workers by then.
   */
  #takeOver(server: tls.Server): void {
    if (this.#keysFrom !== 'node' || this.#handle === 0) return
    const key = secretBytes(KEY_LENGTH)
    if (copyTicketKeysOfNode(nativeContextOf(server), key)) {
      this.#ring.lend(others => {
        const keys = secretBytes(AGED_KEY_LENGTH + others.length)
        writeEntry(keys.subarray(0, AGED_KEY_LENGTH), key, 0)
        keys.set(others, AGED_KEY_LENGTH)
        this.#ring.replace(keys, NEVER_ROTATES)
        keys.fill(0)
      })
    }
    key.fill(0)
  }

  #install(server: tls.Server, context: NativeContext, source: TicketKeySource): void {
    if (canChooseTicketKeys(context)) {
      chooseTicketKeys(context, source)
    } else {
      this.#withoutCallback.add(server)
      this.#updateServersWithoutCallback()
    }
  }

  /**
   * `isGenerationKnown`: false if the ring has keys of other hosts whose tickets may be from before a revocation.
   * `isReliable`: false if the application answers session events, perhaps later, so that handshakes may interleave.
   */
  #sourceFor(
    context: NativeContext,
    mayResume: () => boolean,
    isGenerationKnown: () => boolean,
    isReliable: () => boolean,
  ): TicketKeySource {
    const counts = this.#counts
    const ofNode = ticketKeysOfNode(context)
    const isAllowed = () => {
      // @guard client-trust-ambiguity › tickets › *: ring: a server with requestCert and contexts by name hands out
      //   no tickets
      //   ⇒ if false
      if (!mayResume()) {
        counts.ambiguousClientTrust++
        return false
      }
      // @guard no-ticket-without-key › server-precedents › no ticket is encrypted before the first keys have come
      //   ⇒ without `this.#feed?.hasKeys !== false &&`
      return this.#feed?.hasKeys !== false && this.#fleet?.isReady !== false
    }
    const accept = (newerKeys: number): TicketVerdict => {
      counts.accepted++
      if (newerKeys > 0) counts.acceptedWithRetiredKey++
      countServerEvent('ticket-accepted', { name: this.name, newerKeys })
      noteFound('ticket')
      return isRenewalUseful(newerKeys, isReliable() ? currentProtocol() : undefined)
        ? 'accept-and-renew'
        : 'accept'
    }
    return {
      seal: key => {
        if (!isAllowed()) return false
        const isOfNode = this.#handle === 0 || this.#keysFrom === 'node'
        const isSealed = isOfNode ? ofNode.seal(key) : native.ringActiveKey(this.#handle, key)
        if (!isSealed) return false
        counts.issued++
        this.#noteRotation(key)
        return true
      },
      open: (name, secrets) => {
        if (!isAllowed() || !isGenerationKnown()) return 'reject'
        const newerKeys = this.#handle === 0 ? -1 : native.ringFind(this.#handle, name, secrets)
        if (newerKeys >= 0) return accept(newerKeys)
        const areActive = this.#handle === 0 || this.#keysFrom === 'node'
        const areUsable = areActive || monotonicNow() < this.#nodeKeysUntil
        if (areUsable && ofNode.open(name, secrets) !== 'reject') return accept(areActive ? 0 : 1)
        counts.unknown++
        countServerEvent('ticket-unknown', { name: this.name })
        return 'reject'
      },
    }
  }

  /** Counts a rotation when a ticket is encrypted with another key than the one before: any thread may have rotated. */
  #noteRotation(key: Uint8Array): void {
    const name = key.subarray(0, KEY_NAME_LENGTH)
    if (this.#activeName?.equals(name)) return
    if (this.#activeName) countServerEvent('rotation', { name: this.name })
    this.#activeName = Buffer.from(name)
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

/**
 * True if a new ticket is worth its cost. A TLS 1.3 client uses each ticket once (RFC 8446 appendix C.4). A TLS 1.2 client
 * keeps its ticket. OpenSSL gives a renewed one no later end, so that only a newer key makes a difference. `protocol` is
 * undefined if it is not known.
 */
function isRenewalUseful(newerKeys: number, protocol: string | undefined): boolean {
  return newerKeys > 0 || protocol === undefined || protocol === 'TLSv1.3'
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

/** Throws for an option that says in another way where the keys come from. */
function checkGoesWithPath(others: { name: unknown; source: unknown; tier: unknown }): void {
  for (const [option, value] of Object.entries(others)) {
    if (value !== undefined) throw invalidArgType(`"${option}" option`, 'undefined with a "path"', value)
  }
}

function warnOfOptions(path: string, contradictions: readonly string[]): void {
  log.warn(
    'RING_OPTIONS',
    `The ring of ticket keys in ${path} was made with other options: ${contradictions.join('; ')}. Use the same in all ` +
      `processes, or remove it and its tickets: npx tls-resumption cache ${path} --remove`,
  )
}

function defaultKeep(rotateEvery: number): number {
  if (rotateEvery === 0) return 3
  return Math.min(MAX_KEEP, Math.ceil(TICKET_LIFETIME_MS / rotateEvery) + 1)
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
