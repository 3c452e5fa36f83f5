import { types } from 'node:util'
import { native } from '../native/addon.js'
import { readOwn } from '../native/scratch-buffer.js'
import {
  type CodedError,
  coded,
  disposed,
  invalidArgType,
  invalidSecretType,
  nameConflict,
  outOfRange,
} from '../util/errors.js'
import { SEVEN_DAYS } from '../util/time.js'
import { checkBoolean, checkInteger, checkOptionBag, checkString } from '../util/validate.js'
import { WeakRegistry } from '../util/weak-registry.js'

/** Options of a {@link SessionCache}. Times are milliseconds, sizes bytes. */
export interface SessionCacheOptions {
  /**
   * Caches of one name are one memory, in whatever thread of the process they are opened; it is freed
   * when the last of them is disposed of. Left out, the cache is private to this object.
   */
  name?: string | undefined
  /**
   * How many sessions (not keys) are kept at most, 1 to 134,217,727. Never exceeded, and nothing is
   * evicted before it is reached.
   * @defaultValue 10_000
   */
  max?: number | undefined
  /**
   * How many bytes of session blobs are kept at most, 1 to 137,438,953,471. A session that a connection of this
   * package stored counts 64 bytes more, for the record of its verification.
   * @defaultValue 67_108_864 (64 MiB)
   */
  maxSize?: number | undefined
  /**
   * How long a session is kept at most. Its own lifetime caps that further, and so do seven days
   * (RFC 8446 section 4.6.1).
   * @defaultValue 3_600_000 (an hour)
   */
  ttl?: number | undefined
  /**
   * How often expired sessions are removed in the background, up to 2^31 - 1. Expired ones are also
   * removed at every 100th session stored, and are never given out; 0 relies on that alone.
   * @defaultValue 60_000
   */
  sweepInterval?: number | undefined
  /**
   * How many TLS 1.3 tickets are kept for one key, 1 to 255.
   * @defaultValue 4
   */
  ticketsPerPeer?: number | undefined
  /**
   * Whether a TLS 1.3 ticket is offered once only, as RFC 8446 appendix C.4 recommends, so that nobody
   * can link the connections. Otherwise, when all have been offered, the newest is offered again.
   * @defaultValue false
   */
  singleUse?: boolean | undefined
}

/** Options of {@link SessionCache.set} and {@link SessionCache.add}. */
export interface StoreOptions {
  /** The session's own lifetime in milliseconds; the cache's `ttl` caps it. */
  ttl?: number | undefined
  /**
   * Exempts the session from `singleUse`: a TLS 1.2 session may be resumed any number of times.
   * @defaultValue false
   */
  reusable?: boolean | undefined
}

/** Counters since the cache was made, and what it holds now. */
export interface SessionCacheStats {
  /** Reads (`get`, `offer`, `take`) that found a session. */
  hits: number
  /** Reads that found none. */
  misses: number
  /** Sessions stored; always the sum of the ways out below and `size`. */
  sets: number
  /** Sessions that `take`, or `offer` of a single-use ticket, gave out and removed. */
  takes: number
  /** Sessions removed by `delete`. */
  deletes: number
  /** Sessions that a newer one of the same key displaced. */
  replaced: number
  /** Sessions removed by `clear`. */
  cleared: number
  /** Sessions that had to make room. */
  evictions: number
  /** Sessions removed because their lifetime had ended. */
  expirations: number
  /** Sessions not stored, being empty or larger than `maxSize`. */
  rejected: number
  /** Sweeps done. */
  sweeps: number
  /** Sessions held. */
  size: number
  /** Bytes of blobs held, with the records of their verification. */
  bytes: number
  /** The native memory that blobs lie in. */
  memory: SessionCacheMemory
}

/** The native memory that blobs lie in, and how it is kept to this process. */
export interface SessionCacheMemory {
  /** Bytes that blobs took so far at their most, in blocks; what they gave back is used for later ones. */
  used: number
  /**
   * Bytes that the system does not write to swap space, locked in steps of 64 KiB as sessions come. Less than `used`
   * if the process may lock no more (`ulimit -l`); 0 on Windows.
   */
  locked: number
  /** Whether the system was told to leave all of it out of core dumps; Linux alone can. */
  leftOutOfDumps: boolean
}

const OPTIONS: readonly string[] = [
  'name',
  'max',
  'maxSize',
  'ttl',
  'sweepInterval',
  'ticketsPerPeer',
  'singleUse',
] satisfies (keyof SessionCacheOptions)[]
const STORE_OPTIONS: readonly string[] = ['ttl', 'reusable'] satisfies (keyof StoreOptions)[]

const MAX_KEY_BYTES = 4096
/** A UTF-16 unit is at most three bytes of UTF-8, so no shorter string needs to be measured. */
const SURELY_SHORT = Math.floor(MAX_KEY_BYTES / 3)

/** The caches that stay for the life of the process, for whoever names none. */
export const DEFAULT_CLIENT_CACHE = 'tls-resumption-default-client'
export const DEFAULT_SERVER_CACHE = 'tls-resumption-default-server'

export type ReadOperation = 'get' | 'offer' | 'take'
export type WriteOperation = 'set' | 'add'

/** This thread's. */
export const openedCaches: WeakRegistry<SessionCache> = new WeakRegistry()

const closeCollected = new FinalizationRegistry<number>(handle => native.close(handle))

/** The native handle of a cache, for the package's own modules; 0 once disposed of. */
export let handleOf: (cache: SessionCache) => number

/**
 * A cache of TLS sessions in native memory: bounded, with lifetimes, shared by all threads that open
 * it under one name.
 *
 * Keys are strings or bytes, 1 to 4096 bytes long; a string is the same key as its UTF-8 bytes.
 * Session blobs are copied in and out. Several TLS 1.3 tickets may be held for one key.
 *
 * Every method is synchronous, and safe to call in any number of threads at once, each on a
 * `SessionCache` of its own; the object itself belongs to the thread that made it.
 *
 * @example
 * ```ts
 * import { SessionCache } from 'tls-resumption'
 *
 * const cache = new SessionCache({ name: 'upstreams', max: 1000 })
 * cache.set('db.example:5432', Buffer.from('a session'))
 * cache.get('db.example:5432')?.toString() // 'a session'
 * ```
 */
export class SessionCache implements Disposable {
  /** 0 once disposed of. */
  #handle: number
  readonly #name: string | undefined

  /**
   * Opens the cache of that name, or makes it. Options left out are no contradiction: an open cache
   * keeps those it was made with.
   *
   * @throws `ERR_INVALID_ARG_TYPE`, `ERR_OUT_OF_RANGE`, `ERR_TLS_RESUMPTION_UNKNOWN_OPTION` for an
   * option that is wrong, `ERR_TLS_RESUMPTION_NAME_CONFLICT` where the name is open with other options,
   * `ERR_TLS_RESUMPTION_NO_MEMORY` where the system has no address space for as much as they allow.
   */
  constructor(options: SessionCacheOptions = {}) {
    checkOptionBag('options', options, OPTIONS)
    const { name, max, maxSize, ttl, sweepInterval, ticketsPerPeer, singleUse } = options
    checkString('name', name, 256)
    checkInteger('max', max, 1, 100_000_000)
    checkInteger('maxSize', maxSize, 1, 2 ** 37 - 1)
    checkInteger('ttl', ttl, 1, Number.MAX_SAFE_INTEGER)
    checkInteger('sweepInterval', sweepInterval, 0, 2 ** 31 - 1)
    checkInteger('ticketsPerPeer', ticketsPerPeer, 1, 255)
    checkBoolean('singleUse', singleUse)
    const { handle, contradictions } = open({
      name,
      max,
      maxSize,
      ttl: capped(ttl),
      sweepInterval,
      ticketsPerPeer,
      singleUse,
      resident: name === DEFAULT_CLIENT_CACHE || name === DEFAULT_SERVER_CACHE,
    })
    if (handle === 0) throw nameConflict('cache', name ?? '', contradictions)
    this.#handle = handle
    this.#name = name
    closeCollected.register(this, handle, this)
    openedCaches.add(this)
  }

  /** The name under which the cache is shared, if it has one. */
  get name(): string | undefined {
    return this.#name
  }

  /**
   * Stores a session in place of all there is under the key.
   *
   * @throws `ERR_OUT_OF_RANGE` for an empty blob or one over `maxSize` (what was stored stays), and
   * the errors of a key or option that is wrong.
   */
  set(key: string | Uint8Array, blob: Uint8Array, options?: StoreOptions): this {
    this.#write('set', key, blob, options)
    return this
  }

  /**
   * Stores one more session under the key; beyond `ticketsPerPeer` the key's oldest goes.
   *
   * @throws as {@link SessionCache.set} does.
   */
  add(key: string | Uint8Array, blob: Uint8Array, options?: StoreOptions): this {
    this.#write('add', key, blob, options)
    return this
  }

  /** The newest session of the key. Counts as a use of it. */
  get(key: string | Uint8Array): Buffer | undefined {
    return this.#read('get', checkKey(key))
  }

  /**
   * What a connection should offer now: the newest session not offered before, marked as offered in
   * the same step, so that no two connections in any threads get it. When all have been offered, the
   * newest again; with `singleUse`, a session goes as it is offered, unless it was stored as reusable.
   */
  offer(key: string | Uint8Array): Buffer | undefined {
    return this.#read('offer', checkKey(key))
  }

  /** The newest session of the key, which is removed: it goes to exactly one caller, in any thread. */
  take(key: string | Uint8Array): Buffer | undefined {
    return this.#read('take', checkKey(key))
  }

  /** Whether there is a session under the key. Does not count as a use of it. */
  has(key: string | Uint8Array): boolean {
    return native.has(this.#open(), checkKey(key))
  }

  /** Removes all there is under the key and returns how many sessions that were. */
  delete(key: string | Uint8Array): number {
    return native.remove(this.#open(), checkKey(key))
  }

  /** Removes everything. */
  clear(): void {
    native.clear(this.#open())
  }

  /** Removes what has expired and returns how many sessions that were. */
  sweep(): number {
    return native.sweep(this.#open())
  }

  /** How many sessions are held, those expired but not yet removed included. */
  get size(): number {
    return native.size(this.#open())
  }

  /** How many bytes of blobs are held, with 64 more for each session that has a record of its verification. */
  get bytes(): number {
    return native.stats(this.#open()).bytes
  }

  /** The counters, which are the memory's: other threads' use of the name is in them. */
  stats(): SessionCacheStats {
    return native.stats(this.#open())
  }

  /**
   * Gives the cache up. Its sessions are wiped unless another object, in whatever thread, has the
   * same name open. Any use afterwards throws `ERR_TLS_RESUMPTION_DISPOSED`; disposing again does
   * nothing.
   */
  [Symbol.dispose](): void {
    closeCollected.unregister(this)
    openedCaches.delete(this)
    const handle = this.#handle
    this.#handle = 0
    native.close(handle)
  }

  #open(): number {
    if (this.#handle === 0) throw disposed('SessionCache')
    return this.#handle
  }

  #read(operation: ReadOperation, key: string | Uint8Array): Buffer | undefined {
    return readOwn(native[operation], this.#open(), key)
  }

  #write(
    operation: WriteOperation,
    key: string | Uint8Array,
    blob: Uint8Array,
    options: StoreOptions = {},
  ): void {
    checkKey(key)
    checkBlob(blob)
    checkOptionBag('options', options, STORE_OPTIONS)
    const { ttl, reusable = false } = options
    checkInteger('ttl', ttl, 1, Number.MAX_SAFE_INTEGER)
    checkBoolean('reusable', reusable)
    // Last: a getter among the options could have disposed of the cache.
    const handle = this.#open()
    if (!native[operation](handle, key, blob, capped(ttl) ?? 0, reusable)) {
      throw outOfRange('length of the "blob" argument', 'from 1 byte to "maxSize"', blob.byteLength)
    }
  }

  static {
    handleOf = cache => cache.#handle
  }
}

/** What the options say has been checked, so what can fail is reserving the memory. */
function open(options: Parameters<typeof native.open>[0]): ReturnType<typeof native.open> {
  try {
    return native.open(options)
  } catch (cause) {
    throw noMemory(cause)
  }
}

function noMemory(cause: unknown): CodedError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return coded(
    new Error(`The cache could not be created: ${reason}`, { cause }),
    'ERR_TLS_RESUMPTION_NO_MEMORY',
  )
}

function checkKey(key: string | Uint8Array): string | Uint8Array {
  if (typeof key === 'string') {
    if (key.length > 0 && key.length <= SURELY_SHORT) return key
    checkKeyLength(Buffer.byteLength(key))
  } else if (types.isUint8Array(key)) {
    refuseSharedMemory('key', key)
    checkKeyLength(key.byteLength)
  } else {
    throw invalidArgType('"key" argument', 'a string or a Uint8Array', key)
  }
  return key
}

function checkKeyLength(bytes: number): void {
  if (bytes < 1 || bytes > MAX_KEY_BYTES) {
    throw outOfRange('length of the "key" argument', `from 1 to ${MAX_KEY_BYTES} bytes`, bytes)
  }
}

function checkBlob(blob: Uint8Array): void {
  if (!types.isUint8Array(blob)) {
    throw invalidSecretType('"blob" argument', 'a Uint8Array (a Buffer is one)', blob)
  }
  refuseSharedMemory('blob', blob)
}

/** Another thread could change the bytes while they are read. */
function refuseSharedMemory(name: string, { buffer }: Uint8Array): void {
  if (types.isSharedArrayBuffer(buffer)) {
    throw invalidArgType(`"${name}" argument`, 'backed by memory of its own', buffer)
  }
}

function capped(ttl: number | undefined): number | undefined {
  return ttl === undefined ? undefined : Math.min(ttl, SEVEN_DAYS)
}
