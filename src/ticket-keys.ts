import tls from 'node:tls'
import { type ClusterPart, joinCluster } from './cluster-keys.js'
import {
  disposed,
  invalidArgType,
  invalidSecretType,
  nameConflict,
  serverHasKeys,
  ticketKeyRefused,
} from './errors.js'
import { keyRing } from './key-ring.js'
import { native } from './native.js'
import { isInUse, keepServerContext, type ServerContext } from './server-context.js'
import {
  canChooseTicketKeys,
  chooseTicketKeys,
  type NativeContext,
  type TicketKeySource,
} from './ticket-callback.js'
import { checkBoolean, checkInteger, checkOptionBag, checkString } from './validate.js'

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
  /** Newest first: how many keys came before it, and how many milliseconds ago it came. */
  keys: { generation: number; age: number }[]
}

const OPTIONS: readonly string[] = ['name', 'rotateEvery', 'keep'] satisfies (keyof TicketKeysOptions)[]
const ATTACH_OPTIONS: readonly string[] = ['uniformClientTrust'] satisfies (keyof AttachOptions)[]

const HOUR = 3_600_000
const SEVEN_DAYS = 7 * 24 * HOUR
/** OpenSSL's default, and so that of a server without `sessionTimeout`. */
const TICKET_LIFETIME = 2 * HOUR
const MAX_KEEP = 64
const KEY_LENGTH = 48
/** How often keys are looked at that no ticket comes for. */
const TICK = 60_000

const closeCollected = new FinalizationRegistry<number>(handle => native.ringClose(handle))

/**
 * A ring of session ticket keys (RFC 5077 section 4, RFC 8446 section 4.6.1) that rotate without loss: the newest
 * encrypts, those before it still decrypt, and a resumed TLS 1.3 connection is handed a fresh ticket. Every thread
 * that opens the ring by its name has the same keys, and follows a rotation at once.
 *
 * With `server.setTicketKeys()` every rotation rejects all tickets there are, and threads share no keys at all.
 *
 * @throws `ERR_INVALID_ARG_TYPE`, `ERR_OUT_OF_RANGE` and `ERR_TLS_RESUMPTION_UNKNOWN_OPTION` for options that are
 * wrong, `ERR_TLS_RESUMPTION_NAME_CONFLICT` where the name is open with other options.
 *
 * @example
 * ```ts
 * import tls from 'node:tls'
import { type ClusterPart, joinCluster } from './cluster-keys.js'
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
  readonly #timer: NodeJS.Timeout
  readonly #cluster: ClusterPart | undefined
  readonly #counts = { issued: 0, accepted: 0, acceptedOfEarlierKeys: 0, unknown: 0, refusedByGuard: 0 }
  /** Where Node has no hook: servers that are given each new key. */
  readonly #followers = new Set<tls.Server>()

  constructor(options: TicketKeysOptions = {}) {
    checkOptionBag('options', options, OPTIONS)
    const { name, rotateEvery = HOUR } = options
    checkString('name', name, 256)
    checkInteger('rotateEvery', rotateEvery, 0, SEVEN_DAYS)
    checkInteger('keep', options.keep, 1, MAX_KEEP)
    const keep = options.keep ?? (rotateEvery === 0 ? 3 : defaultKeep(rotateEvery))
    const { handle, contradictions } = native.ringOpen({ name, rotateEvery, keep })
    if (contradictions.length > 0) throw nameConflict('ring', String(name), contradictions)
    this.name = name
    this.#handle = handle
    closeCollected.register(this, handle, this)
    // Weakly: who let go of a ring without a word is not to be kept by its part in a cluster.
    const weak = new WeakRef(this)
    const handleOf = (keys: TicketKeys | undefined) => (keys === undefined ? 0 : keys.#open())
    this.#cluster = joinCluster(
      name,
      keyRing(() => handleOf(weak.deref())),
    )
    this.#timer = TicketKeys.#startTimer(new WeakRef(this), rotateEvery)
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
   * primary is asked to, that takes a moment longer.
   */
  rotate(): void {
    const handle = this.#open()
    if (this.#cluster?.rotateElsewhere()) return
    native.ringRotate(handle)
    this.#tellFollowers()
  }

  /**
   * Makes a given key the newest, for all threads: 48 bytes, name, HMAC key and AES key of 16 each, as in
   * `tls.createServer({ ticketKeys })`. All must be random. The bytes are copied; wipe yours.
   *
   * @throws `ERR_INVALID_ARG_TYPE` for anything but 48 bytes, `ERR_TLS_RESUMPTION_TICKET_KEY` for a key that is
   * not random, or that shares its name or a secret with one of the ring.
   */
  insert(key: Uint8Array): void {
    if (!(key instanceof Uint8Array) || key.length !== KEY_LENGTH) {
      throw invalidSecretType('"key" argument', `a Uint8Array of ${KEY_LENGTH} bytes`, key)
    }
    const reason = native.ringInsert(this.#open(), key)
    if (reason !== null) throw ticketKeyRefused(reason)
    this.#tellFollowers()
  }

  stats(): TicketKeysStats {
    return { ...this.#counts, keys: native.ringKeys(this.#open()) }
  }

  /** Lets go of the ring; its servers hand out no tickets any more. The last one out wipes the keys. */
  [Symbol.dispose](): void {
    clearInterval(this.#timer)
    this.#cluster?.end()
    closeCollected.unregister(this)
    native.ringClose(this.#handle)
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
      if (isUniform()) return true
      counts.refusedByGuard++
      return false
    }
    return {
      seal: key => {
        if (!isAllowed() || !native.ringNewest(this.#handle, key)) return false
        counts.issued++
        return true
      },
      open: (name, secrets) => {
        if (!isAllowed()) return false
        const newer = native.ringFind(this.#handle, name, secrets)
        if (newer < 0) counts.unknown++
        else counts.accepted++
        if (newer > 0) counts.acceptedOfEarlierKeys++
        return newer >= 0
      },
    }
  }

  /** What is left where Node has no hook: each rotation ends the tickets from before. */
  #tellFollowers(): void {
    if (this.#followers.size === 0) return
    const key = Buffer.alloc(KEY_LENGTH)
    native.ringNewest(this.#handle, key)
    for (const server of this.#followers) server.setTicketKeys(key)
    key.fill(0)
  }

  #tick(): void {
    native.ringTick(this.#handle)
    this.#tellFollowers()
  }

  /** A ring rotates when it is asked for a key; this is for keys to go that nobody asks for. */
  static #startTimer(keys: WeakRef<TicketKeys>, rotateEvery: number): NodeJS.Timeout {
    const interval = Math.min(TICK, Math.max(rotateEvery, 1000))
    const timer = setInterval(() => {
      const alive = keys.deref()
      if (alive === undefined) clearInterval(timer)
      else alive.#tick()
    }, interval)
    return timer.unref()
  }
}

function defaultKeep(rotateEvery: number): number {
  return Math.min(MAX_KEEP, Math.ceil(TICKET_LIFETIME / rotateEvery) + 1)
}
