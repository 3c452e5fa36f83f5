import tls from 'node:tls'
import { tellOfServer } from '../../diagnostics/server-events.js'
import { checkTier, type SecondTier } from '../../fleet/second-tier.js'
import { native } from '../../native/addon.js'
import {
  canChooseTicketKeys,
  chooseTicketKeys,
  type TicketKeySource,
} from '../../node/ticket-key-callback.js'
import type { NativeContext } from '../../node/tls-internals.js'
import { disposed, invalidArgType, invalidSecretType, nameConflict } from '../../util/errors.js'
import { clearInterval, HOUR, SEVEN_DAYS, setInterval } from '../../util/time.js'
import { checkBoolean, checkInteger, checkOptionBag, checkString } from '../../util/validate.js'
import { WeakRegistry } from '../../util/weak-registry.js'
import { keysAreGiven, serverHasKeys, ticketKeyRefused } from '../errors.js'
import { isInUse, keepServerContext, type ServerContext } from '../server-identity.js'
import { type ClusterPart, joinCluster } from './cluster-sync.js'
import { TierRing } from './fleet-sync.js'
import { checkKeySource, KeyFeed, type KeySource } from './key-source.js'
import { keyRing } from './native-ring.js'

/** Options of {@link TicketKeys}. Times are milliseconds. */
export interface TicketKeysOptions {
  /**
   * Rings of one name are one memory, in whatever thread of the process they are opened; it is wiped when
   * the last of them is disposed of. Left out, the ring is private to this object. 1 to 256 characters.
   */
  name?: string | undefined
  /**
   * How long a key encrypts before a new random one does, 1 to 604,800,000 (seven days); 0: until
   * {@link TicketKeys.rotate} or {@link TicketKeys.insert}.
   * @defaultValue 3_600_000 (an hour)
   */
  rotateEvery?: number | undefined
  /**
   * How many keys there are at most, the newest included, 1 to 64. A key is wiped `keep` times `rotateEvery`
   * after it came, or when as many have come after it.
   * @defaultValue enough to open tickets for as long as Node lets them live (two hours), plus one
   */
  keep?: number | undefined
  /**
   * Where the keys come from, if the ring is not to make its own: then nothing else rotates them, and what the
   * source no longer has is wiped. Until a function has answered for the first time there are no tickets.
   */
  source?: KeySource | undefined
  /**
   * How often the source is read or asked again, 100 to 604,800,000.
   * @defaultValue 10_000
   */
  refreshEvery?: number | undefined
  /**
   * Where the ring meets those of the same name in other processes and on other hosts, such as a `RedisTier` of
   * `tls-resumption/redis`; all of them have the same options. One of them makes each new key, which all can open
   * with before any seals with it. Without the store each goes on with the keys it has, the newest of which then
   * seals for up to `keep` times as long. Takes a `name`, a `rotateEvery` of a second or more (or 0), and no `source`;
   * in a `cluster` every process has it.
   */
  tier?: SecondTier | undefined
}

/** Options of {@link TicketKeys.attach}. */
export interface AttachOptions {
  /** See {@link ResumeSessionsOptions.uniformClientTrust}. */
  uniformClientTrust?: boolean | undefined
}

/** What became of the tickets of this thread's servers, and the keys there are. */
export interface TicketKeysStats {
  /** Tickets handed out. */
  issued: number
  /** Tickets opened with a key of the ring; what then decides is OpenSSL, by their age and context. */
  accepted: number
  /** Of these, tickets of a key that no longer encrypts. */
  acceptedOfEarlierKeys: number
  /** Tickets whose key the ring does not have: too old, or of another server. */
  unknown: number
  /** Tickets neither handed out nor opened because clients may not be verified alike. */
  refusedByGuard: number
  /**
   * Newest first: how many keys came before it (where another ring leads, a number that only grows), and how many
   * milliseconds ago it came.
   */
  keys: { generation: number; age: number }[]
  /** With a `tier`: whether the ring was one with those of other hosts when it last looked. */
  isShared: boolean
}

const OPTIONS: readonly string[] = [
  'name',
  'rotateEvery',
  'keep',
  'source',
  'refreshEvery',
  'tier',
] satisfies (keyof TicketKeysOptions)[]
const ATTACH_OPTIONS: readonly string[] = ['uniformClientTrust'] satisfies (keyof AttachOptions)[]

/** OpenSSL's default, and so that of a server without `sessionTimeout`. */
const TICKET_LIFETIME = 2 * HOUR
const MAX_KEEP = 64
const KEY_LENGTH = 48
const KEY_NAME_LENGTH = 16
const REFRESH = 10_000
/** Others have to hear of a key in a part of the time for which it seals. */
const LEAST_SHARED = 1000
/** How often keys are looked at that no ticket comes for. */
const TICK = 60_000

/** This thread's. */
export const openedRings: WeakRegistry<TicketKeys> = new WeakRegistry()

const closeCollected = new FinalizationRegistry<() => void>(close => close())

/**
 * A ring of session ticket keys (RFC 5077 section 4, RFC 8446 section 4.6.1) that rotate without loss: the newest
 * encrypts, those before it still decrypt, and a resumed TLS 1.3 connection is handed a fresh ticket. Every thread
 * that opens the ring by its name has the same keys, and follows a rotation at once.
 *
 * With `server.setTicketKeys()` every rotation rejects all tickets there are, and threads share no keys at all.
 *
 * @throws `ERR_INVALID_ARG_TYPE`, `ERR_OUT_OF_RANGE` and `ERR_TLS_RESUMPTION_UNKNOWN_OPTION` for options that are
 * wrong, `ERR_TLS_RESUMPTION_TICKET_KEY` and the system's errors for files of keys, `ERR_TLS_RESUMPTION_NAME_CONFLICT`
 * where the name is open with other options.
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
  /** The name under which threads share it, if it has one. */
  readonly name: string | undefined
  /** 0 once it is closed: the number may then be another ring's. */
  #handle: number
  readonly #close: () => void
  readonly #cluster: ClusterPart | undefined
  readonly #feed: KeyFeed | undefined
  readonly #shared: TierRing | undefined
  /** The name of the key that this thread's servers have sealed with last. */
  #sealedWith: Buffer | undefined
  readonly #counts = { issued: 0, accepted: 0, acceptedOfEarlierKeys: 0, unknown: 0, refusedByGuard: 0 }
  /** Where Node has no hook: servers that are given each new key. */
  readonly #followers = new Set<tls.Server>()

  constructor(options: TicketKeysOptions = {}) {
    checkOptionBag('options', options, OPTIONS)
    const { name, source, refreshEvery = REFRESH } = options
    const { rotateEvery = source ? 0 : HOUR } = options
    checkString('name', name, 256)
    checkInteger('rotateEvery', rotateEvery, 0, source ? 0 : SEVEN_DAYS)
    checkInteger('keep', options.keep, 1, MAX_KEEP)
    checkKeySource(source)
    checkInteger('refreshEvery', refreshEvery, 100, SEVEN_DAYS)
    const tier = checkTier(options.tier)
    if (tier && source) throw keysAreGiven()
    if (tier && rotateEvery > 0) checkInteger('rotateEvery', rotateEvery, LEAST_SHARED, SEVEN_DAYS)
    if (tier && name === undefined)
      throw invalidArgType('"name" option', 'a string, where there is a tier', name)
    const keep = options.keep ?? (source ? MAX_KEEP : defaultKeep(rotateEvery))
    const { handle, contradictions } = native.ringOpen({ name, rotateEvery, keep })
    if (contradictions.length > 0) throw nameConflict('ring', String(name), contradictions)
    this.name = name
    this.#handle = handle
    // Weakly: who let go of a ring without a word is not to be kept by what serves it.
    const weak = new WeakRef(this)
    const handleOf = (keys: TicketKeys | undefined) => (keys === undefined ? 0 : keys.#open())
    const ring = keyRing(() => handleOf(weak.deref()))
    let feed: KeyFeed | undefined
    try {
      feed = source && new KeyFeed(source, ring, refreshEvery)
    } catch (error) {
      native.ringClose(handle)
      throw error
    }
    this.#feed = feed
    // Where the keys are given or shared, every process has them.
    const cluster = source || tier ? undefined : joinCluster(name, ring, weak)
    this.#cluster = cluster
    const shared = tier && name ? new TierRing(ring, tier.ring(name), { rotateEvery, keep }) : undefined
    this.#shared = shared
    const timer = TicketKeys.#startTimer(weak, rotateEvery)
    this.#close = () => {
      clearInterval(timer)
      cluster?.end()
      feed?.end()
      shared?.end()
      native.ringClose(handle)
    }
    closeCollected.register(this, this.#close, this)
    openedRings.add(this)
  }

  /**
   * Takes the keys of a server's tickets from this ring, and binds its tickets to who the server is and what it
   * trusts, as {@link resumeSessions} does for ids: servers that agree in that and in the name of the ring open
   * each other's tickets.
   *
   * A server that asks for client certificates and has contexts by server name hands out no tickets and accepts
   * none, unless `uniformClientTrust` says that all its contexts verify clients alike; nor does one with a
   * `pskCallback`.
   *
   * @returns what ends it: from then on the server hands out no tickets and accepts none, until its next
   * `setSecureContext()` gives it Node's own keys again.
   * @throws `ERR_INVALID_ARG_TYPE` for a server that is none, `ERR_TLS_RESUMPTION_SERVER_IN_USE` for one that has a
   * ring already.
   */
  attach(server: tls.Server, options: AttachOptions = {}): Disposable {
    if (!(server instanceof tls.Server)) {
      throw invalidArgType('"server" argument', 'an instance of tls.Server', server)
    }
    checkOptionBag('options', options, ATTACH_OPTIONS)
    const { uniformClientTrust = false } = options
    checkBoolean('uniformClientTrust', uniformClientTrust)
    if (isInUse(server, 'tickets')) throw serverHasKeys()
    this.#open()

    let context: ServerContext | undefined
    const source = this.#sourceFor(() => context?.isUniform() ?? false)
    context = keepServerContext(server, 'tickets', {
      name: this.name,
      uniformClientTrust,
      onContext: native => this.#install(server, native, source),
    })
    return {
      [Symbol.dispose]: () => {
        context?.release()
        context = undefined
        this.#followers.delete(server)
      },
    }
  }

  /**
   * Makes a new random key the newest, for all threads. When it returns, it is; in a worker of a `cluster`, whose
   * primary is asked to, that takes a moment longer; with a `tier`, some two seconds, until all hosts have it.
   *
   * @throws `ERR_TLS_RESUMPTION_TICKET_KEY` where the ring has a `source`.
   */
  rotate(): void {
    const handle = this.#open()
    if (this.#feed) throw keysAreGiven()
    if (this.#shared) {
      this.#shared.rotate()
      return
    }
    if (this.#cluster?.rotateElsewhere()) return
    native.ringRotate(handle)
    this.#tellFollowers()
  }

  /**
   * Makes a given key the newest, for all threads: 48 bytes, name, HMAC key and AES key of 16 each, as in
   * `tls.createServer({ ticketKeys })`. All must be random. The bytes are copied; wipe yours.
   *
   * @throws `ERR_INVALID_ARG_TYPE` for anything but 48 bytes, `ERR_TLS_RESUMPTION_TICKET_KEY` for a key that is
   * not random, that shares its name or a secret with one of the ring, or where the ring has a `source`.
   */
  insert(key: Uint8Array): void {
    if (!(key instanceof Uint8Array) || key.length !== KEY_LENGTH) {
      throw invalidSecretType('"key" argument', `a Uint8Array of ${KEY_LENGTH} bytes`, key)
    }
    if (this.#feed) throw keysAreGiven()
    const handle = this.#open()
    if (this.#shared) {
      const reason = whyNot(key)
      if (reason !== null) throw ticketKeyRefused(reason)
      this.#shared.rotate(key)
      return
    }
    const reason = native.ringInsert(handle, key)
    if (reason !== null) throw ticketKeyRefused(reason)
    this.#tellFollowers()
  }

  stats(): TicketKeysStats {
    const keys = native.ringKeys(this.#open())
    return { ...this.#counts, keys, isShared: this.#shared?.isShared ?? false }
  }

  /** Lets go of the ring; its servers hand out no tickets any more. The last one out wipes the keys. */
  [Symbol.dispose](): void {
    if (this.#handle === 0) return
    closeCollected.unregister(this)
    openedRings.delete(this)
    this.#close()
    this.#handle = 0
    this.#followers.clear()
  }

  #open(): number {
    if (this.#handle === 0) throw disposed('TicketKeys')
    return this.#handle
  }

  #install(server: tls.Server, context: NativeContext, source: TicketKeySource): void {
    if (canChooseTicketKeys(context)) {
      chooseTicketKeys(context, source)
    } else {
      this.#followers.add(server)
      this.#tellFollowers()
    }
  }

  #sourceFor(isUniform: () => boolean): TicketKeySource {
    const counts = this.#counts
    const isAllowed = () => {
      // @guard no-ticket-without-key › server-precedents › no ticket is sealed before the first keys have
      //   come
      //   ⇒ `if (this.#feed?.hasKeys === false ||` becomes `if (`
      if (this.#feed?.hasKeys === false || this.#shared?.isReady === false) return false
      // @guard client-trust-ambiguity › tickets › *: a server that asks for certificates under several names
      //   hands out no tickets
      //   ⇒ if true
      if (isUniform()) return true
      counts.refusedByGuard++
      return false
    }
    return {
      seal: key => {
        if (!isAllowed() || !native.ringNewest(this.#handle, key)) return false
        counts.issued++
        this.#noteRotation(key)
        return true
      },
      open: (name, secrets) => {
        if (!isAllowed()) return false
        const newer = native.ringFind(this.#handle, name, secrets)
        if (newer < 0) counts.unknown++
        else counts.accepted++
        const newerKeys = newer < 0 ? undefined : newer
        tellOfServer(newer < 0 ? 'ticket-unknown' : 'ticket-opened', { name: this.name, newerKeys })
        if (newer > 0) counts.acceptedOfEarlierKeys++
        return newer >= 0
      },
    }
  }

  /** The keys rotate by themselves, in whatever thread is asked for one first. */
  #noteRotation(key: Uint8Array): void {
    const name = key.subarray(0, KEY_NAME_LENGTH)
    if (this.#sealedWith?.equals(name)) return
    if (this.#sealedWith) tellOfServer('rotation', { name: this.name })
    this.#sealedWith = Buffer.from(name)
  }

  /** What is left where Node has no hook: each rotation ends the tickets from before. */
  #tellFollowers(): void {
    if (this.#followers.size === 0) return
    const key = Buffer.alloc(KEY_LENGTH)
    native.ringNewest(this.#handle, key)
    for (const server of this.#followers) server.setTicketKeys(key)
    key.fill(0)
  }

  static #tickOf(keys: TicketKeys | undefined): void {
    if (keys === undefined) return
    native.ringTick(keys.#handle)
    keys.#tellFollowers()
  }

  /** A ring rotates when it is asked for a key; this is for keys to go that nobody asks for. */
  static #startTimer(keys: WeakRef<TicketKeys>, rotateEvery: number): NodeJS.Timeout {
    const interval = Math.min(TICK, Math.max(rotateEvery, 1000))
    return setInterval(() => TicketKeys.#tickOf(keys.deref()), interval).unref()
  }
}

/** Why a key is none, found out by a ring of its own. */
function whyNot(key: Uint8Array): string | null {
  const { handle } = native.ringOpen({ name: undefined, rotateEvery: 0, keep: 1 })
  try {
    return native.ringInsert(handle, key)
  } finally {
    native.ringClose(handle)
  }
}

function defaultKeep(rotateEvery: number): number {
  if (rotateEvery === 0) return 3
  return Math.min(MAX_KEEP, Math.ceil(TICKET_LIFETIME / rotateEvery) + 1)
}
