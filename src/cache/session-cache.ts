import { types } from 'node:util'
import { native } from '../native/addon.js'
import { readCopy } from '../native/scratch-buffer.js'
import {
  type CodedError,
  coded,
  disposed,
  invalidArgType,
  invalidSecretType,
  nameConflict,
  outOfRange,
} from '../util/errors.js'
import { warnOnce } from '../util/log.js'
import { bufferOf } from '../util/shared-memory.js'
import { SEVEN_DAYS } from '../util/time.js'
import { checkBoolean, checkInteger, checkOptionBag, checkString } from '../util/validate.js'
import { WeakRegistry } from '../util/weak-registry.js'
import { checkPath, problemError } from './shared-file.js'

/** Options of a {@link SessionCache}. All times are milliseconds and all sizes are bytes. */
export interface SessionCacheOptions {
  /**
   * 1 to 256 characters. All `SessionCache` objects of one name share one memory, in all threads of the process. The
   * memory is freed when the last of them is disposed of. Without a name the memory belongs to this object only.
   */
  name?: string | undefined
  /**
   * The path of a file on tmpfs, as `/run/myapp/tls`. All processes of the user that open it share one memory, in all of
   * their threads, and it stays when they end. Linux only. `PATH.v2` beside it has the sessions.
   *
   * The file keeps `max`, `maxSession`, `singleUse` and `serves`, and up to eight tickets of a key. It may evict a session
   * before it is full. `name`, `maxSize`, `sweepInterval` and `ticketsPerPeer` do not go with a path.
   *
   * Any process of the user can read and plant sessions.
   */
  path?: string | undefined
  /**
   * With a `path`: whether the file has sessions for outgoing connections, or those that a server hands out. A file serves
   * one side, so that remote clients cannot evict outgoing sessions.
   * @defaultValue 'clients'
   */
  serves?: 'clients' | 'servers' | undefined
  /**
   * With a `path`: the maximum size of a session in bytes, with the record of its verification, 1,024 to 1,048,576.
   * @defaultValue 16_384
   */
  maxSession?: number | undefined
  /**
   * The maximum number of sessions (not keys), 1 to 100,000,000. It is never exceeded. Below it, and below `maxSize`, no
   * session is evicted.
   * @defaultValue 10_000
   */
  max?: number | undefined
  /**
   * The maximum sum of the sizes of all session blobs, 1 to 137,438,953,471 bytes. A session that a connection of this
   * package stored counts 64 bytes more, for the record of its verification.
   * @defaultValue 67_108_864 (64 MiB)
   */
  maxSize?: number | undefined
  /**
   * The maximum lifetime of a session, 1 or more milliseconds. The lifetime of the session itself and seven days (RFC 8446
   * section 4.6.1) are further limits.
   * @defaultValue 3_600_000 (an hour)
   */
  ttl?: number | undefined
  /**
   * The interval of the background sweep, which removes expired sessions: 0 to 2^31 - 1 milliseconds. 0 disables it. No
   * read ever returns an expired session, and each 100th stored session also starts a sweep.
   * @defaultValue 60_000
   */
  sweepInterval?: number | undefined
  /**
   * The maximum number of TLS 1.3 tickets of one key, 1 to 255.
   * @defaultValue 4
   */
  ticketsPerPeer?: number | undefined
  /**
   * True to offer each TLS 1.3 ticket at most once, as RFC 8446 appendix C.4 recommends: an observer can then not link
   * connections by their ticket. If false, the newest ticket is offered again after all were offered.
   * @defaultValue false
   */
  singleUse?: boolean | undefined
}

/** Options of {@link SessionCache.set} and {@link SessionCache.add}. */
export interface StoreOptions {
  /** The lifetime of this session, 1 or more milliseconds. The `ttl` of the cache is a further limit. */
  ttl?: number | undefined
  /**
   * True to exempt the session from `singleUse`: a TLS 1.2 session may be resumed any number of times.
   * @defaultValue false
   */
  reusable?: boolean | undefined
}

/** Counters since the memory of the cache was created, and its content now. All threads count together. */
export interface SessionCacheStats {
  /** Calls of `get`, `offer` and `take` that found a session. */
  hits: number
  /** Calls of `get`, `offer` and `take` that found no session. */
  misses: number
  /** Sessions stored. Always the sum of `size` and of the sessions that left, by the counters from `takes` on. */
  sets: number
  /** Sessions that `take` returned and removed, or `offer` did because they were single use. */
  takes: number
  /** Sessions removed by `delete`. */
  deletes: number
  /** Sessions removed because newer sessions of the same key were stored. */
  replaced: number
  /** Sessions removed by `clear`. */
  cleared: number
  /** Sessions removed to keep within `max` and `maxSize`. */
  evictions: number
  /** Sessions removed after the end of their lifetime. */
  expirations: number
  /** Sessions not stored because they were empty or larger than `maxSize`. */
  rejected: number
  /** Completed sweeps. */
  sweeps: number
  /** Sessions in the cache now, with expired sessions that no sweep has removed yet. */
  size: number
  /** The sum of the sizes of these sessions, with 64 bytes for each verification record. */
  bytes: number
  /** The native memory of the session blobs. */
  memory: SessionCacheMemory
  /** The file of a cache with a `path`. Of its other counters, `size` and `bytes` are those of all processes. */
  file?: SessionCacheFile | undefined
}

/** The file of a {@link SessionCache} with a `path`. */
export interface SessionCacheFile {
  /** Processes that have it open. */
  processes: number
  /** Slots that this process recovered after another one died in the middle of a change. */
  recovered: number
  /** Damaged sessions that this process found and removed. */
  damaged: number
  /** Sessions that this process did not store because the file system had no room. */
  noSpace: number
  /** Sessions that this process removed because an offer of them never ended. */
  poisoned: number
  /** Bytes of memory that the file of sessions takes. */
  allocated: number
  /** The name of its file system, `tmpfs`. */
  fileSystem: string
}

/** The native memory of the session blobs, and its protection. */
export interface SessionCacheMemory {
  /** The largest number of bytes that was in use at one time, in blocks of 256 bytes. Freed blocks are used again. */
  used: number
  /**
   * Bytes locked in RAM, so that the system does not write them to swap space. Less than `used` if the process may not
   * lock more: `ulimit -l`, or on Windows the minimum working set.
   */
  locked: number
  /** True if the memory is excluded from core dumps (Linux), or from error reports (Windows). */
  excludedFromCoreDumps: boolean
  /**
   * The largest number of sessions that were in the cache at one time, give or take some that threads had in hand. Their
   * metadata, about 90 bytes each, stays in memory.
   */
  highestNode: number
}

const OPTIONS: readonly string[] = [
  'name',
  'path',
  'serves',
  'maxSession',
  'max',
  'maxSize',
  'ttl',
  'sweepInterval',
  'ticketsPerPeer',
  'singleUse',
] satisfies (keyof SessionCacheOptions)[]
const STORE_OPTIONS: readonly string[] = ['ttl', 'reusable'] satisfies (keyof StoreOptions)[]

const MAX_KEY_BYTES = 4096
/** A UTF-16 unit takes at most three bytes of UTF-8, so a string up to this length fits without a measurement. */
const SHORT_KEY_UNITS = Math.floor(MAX_KEY_BYTES / 3)

/** The caches used where the option `sessionCache` is omitted. They exist until the process ends. */
export const DEFAULT_CLIENT_CACHE = 'tls-resumption-default-client'
export const DEFAULT_SERVER_CACHE = 'tls-resumption-default-server'

export type ReadOperation = 'get' | 'offer' | 'take'
export type WriteOperation = 'set' | 'add'

/** The caches that this thread has open. */
export const openedCaches: WeakRegistry<SessionCache> = new WeakRegistry()

const closeCollected = new FinalizationRegistry<number>(handle => native.close(handle))

/** Returns the native handle of a cache, for the package's own modules. 0 after disposal. */
export let handleOf: (cache: SessionCache) => number

/** True if this object was made with `singleUse: true`. */
export let isSingleUse: (cache: SessionCache) => boolean

/** True if the cache is in a file of sessions that servers hand out. */
export let isForServers: (cache: SessionCache) => boolean

/** Returns the options that the caches of the process have which stand in for a cache in a file. */
export let localOptionsOf: (cache: SessionCache) => SessionCacheOptions

/**
 * A bounded cache of TLS sessions in native memory. All threads that open the same name share it.
 *
 * A key is a string or a `Uint8Array` of 1 to 4096 bytes. A string is the same key as its UTF-8 bytes. A key may have
 * several sessions, since a TLS 1.3 server sends several tickets. Session blobs are copied on every read and write, and
 * wiped when they are removed.
 *
 * All methods are synchronous and take no lock. Threads may call them at the same time, each on its own `SessionCache`
 * of the name: the object cannot be sent to another thread.
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
  /** 0 after disposal. */
  #handle: number
  readonly #name: string | undefined
  readonly #path: string | undefined
  readonly #ttl: number | undefined
  readonly #isForServers: boolean
  readonly #isSingleUse: boolean

  /**
   * Opens the cache of the given name, or creates it. The options of an open cache stay as they were created; options
   * that are given here must equal them, and omitted ones are not compared.
   *
   * @throws `ERR_INVALID_ARG_TYPE`, `ERR_OUT_OF_RANGE` or `ERR_TLS_RESUMPTION_UNKNOWN_OPTION` for an invalid option.
   * @throws `ERR_TLS_RESUMPTION_NAME_CONFLICT` if the name is open with other options.
   * @throws `ERR_TLS_RESUMPTION_NO_MEMORY` if the system has no address space for `max` and `maxSize`.
   * @throws `ERR_TLS_RESUMPTION_FILE` if the file of `path` is not safe or cannot be used. The message says why, and what
   * to do. `ERR_TLS_RESUMPTION_UNSUPPORTED` if the platform has no such files.
   */
  constructor(options: SessionCacheOptions = {}) {
    checkOptionBag('options', options, OPTIONS)
    const { name, max, maxSize, ttl, sweepInterval, ticketsPerPeer, singleUse, serves, maxSession } = options
    checkString('name', name, 256)
    checkPathOptions(options)
    const path = options.path === undefined ? undefined : checkPath(options.path)
    checkInteger('max', max, 1, 100_000_000)
    checkInteger('maxSize', maxSize, 1, 2 ** 37 - 1)
    checkInteger('ttl', ttl, 1, Number.MAX_SAFE_INTEGER)
    checkInteger('sweepInterval', sweepInterval, 0, 2 ** 31 - 1)
    checkInteger('ticketsPerPeer', ticketsPerPeer, 1, 255)
    checkBoolean('singleUse', singleUse)
    const opened = openNative({
      name,
      path,
      isForServers: serves === 'servers',
      maxSession,
      max,
      maxSize,
      ttl: capped(ttl),
      sweepInterval,
      ticketsPerPeer,
      singleUse,
      resident: name === DEFAULT_CLIENT_CACHE || name === DEFAULT_SERVER_CACHE,
    })
    if (ttl !== undefined && ttl > SEVEN_DAYS) {
      warnOnce(
        'UNUSUAL_VALUE',
        `No session lives for a "ttl" of ${ttl} ms: seven days (${SEVEN_DAYS} ms) are the limit`,
      )
    }
    const { handle, contradictions, problem } = opened
    if (path !== undefined && problem) throw problemError('cache', path, problem)
    if (handle === 0) throw nameConflict('cache', name ?? '', contradictions)
    this.#handle = handle
    this.#name = name
    this.#path = path
    this.#ttl = ttl
    this.#isForServers = serves === 'servers'
    this.#isSingleUse = opened.singleUse
    closeCollected.register(this, handle, this)
    openedCaches.add(this)
  }

  /** The name by which threads share the cache, or undefined for a private cache. */
  get name(): string | undefined {
    return this.#name
  }

  /** The absolute path of the file by which processes share the cache, or undefined. */
  get path(): string | undefined {
    return this.#path
  }

  /**
   * Replaces all sessions of the key by this one.
   *
   * @throws `ERR_OUT_OF_RANGE` for a blob that is empty or larger than `maxSize`, or for a key of another length than 1 to
   * 4096 bytes. The sessions of the key then stay.
   * @throws `ERR_INVALID_ARG_TYPE` or `ERR_TLS_RESUMPTION_UNKNOWN_OPTION` for an invalid argument or option.
   * @throws `ERR_TLS_RESUMPTION_DISPOSED` after disposal, as all methods do.
   */
  set(key: string | Uint8Array, blob: Uint8Array, options?: StoreOptions): this {
    this.#write('set', key, blob, options)
    return this
  }

  /**
   * Adds a session to the key. If the key then has more than `ticketsPerPeer` sessions, the oldest is removed.
   *
   * @throws the errors of {@link SessionCache.set}.
   */
  add(key: string | Uint8Array, blob: Uint8Array, options?: StoreOptions): this {
    this.#write('add', key, blob, options)
    return this
  }

  /** Returns a copy of the newest session of the key, or undefined. Counts as a use of the session. */
  get(key: string | Uint8Array): Buffer | undefined {
    return this.#read('get', checkKey(key))
  }

  /**
   * Returns the session that a new connection should offer, or undefined. That is the newest session that was not offered
   * yet, and the same atomic step marks it as offered: two threads never get the same unused session. After all sessions
   * of the key were offered, it is the newest again.
   *
   * With `singleUse` the session is removed in the same step, unless it was stored as `reusable`.
   */
  offer(key: string | Uint8Array): Buffer | undefined {
    return this.#read('offer', checkKey(key))
  }

  /** Removes the newest session of the key and returns it, or undefined. Exactly one thread gets each session. */
  take(key: string | Uint8Array): Buffer | undefined {
    return this.#read('take', checkKey(key))
  }

  /** Returns true if the key has a session. Does not count as a use of the session. */
  has(key: string | Uint8Array): boolean {
    return native.has(this.#open(), checkKey(key))
  }

  /** Removes all sessions of the key. Returns how many. */
  delete(key: string | Uint8Array): number {
    return native.remove(this.#open(), checkKey(key))
  }

  /** Removes all sessions of all keys, for all threads. */
  clear(): void {
    native.clear(this.#open())
  }

  /** Removes all expired sessions now. Returns how many. */
  sweep(): number {
    return native.sweep(this.#open())
  }

  /** The number of sessions, with expired sessions that no sweep has removed yet. */
  get size(): number {
    return native.size(this.#open())
  }

  /** The sum of the sizes of all session blobs in bytes, with 64 bytes for each verification record. */
  get bytes(): number {
    return native.stats(this.#open()).bytes
  }

  /** Returns the counters of the shared memory, to which all threads contribute. */
  stats(): SessionCacheStats {
    const handle = this.#open()
    const stats: SessionCacheStats = native.stats(handle)
    if (this.#path !== undefined) stats.file = native.fileStats(handle) ?? undefined
    return stats
  }

  /**
   * Closes the cache. If no other object of the process has the same name open, all sessions are wiped and the memory is
   * freed. Later calls of other methods throw `ERR_TLS_RESUMPTION_DISPOSED`. A second disposal does nothing.
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
    return readCopy(native[operation], this.#open(), key)
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
    // Read last, since a getter among the options can dispose of the cache.
    const handle = this.#open()
    if (!native[operation](handle, key, blob, capped(ttl) ?? 0, reusable)) {
      throw outOfRange('length of the "blob" argument', 'from 1 byte to "maxSize"', blob.byteLength)
    }
  }

  static {
    handleOf = cache => cache.#handle
    isForServers = cache => cache.#isForServers
    isSingleUse = cache => cache.#isSingleUse
    localOptionsOf = cache => ({ ttl: cache.#ttl, singleUse: cache.#isSingleUse })
  }
}

/** Checks the options that go with a path only, and those that do not go with one. */
function checkPathOptions({ path, serves, maxSession, ...others }: SessionCacheOptions): void {
  if (serves !== undefined && serves !== 'clients' && serves !== 'servers') {
    throw invalidArgType('"serves" option', "'clients' or 'servers'", serves)
  }
  checkInteger('maxSession', maxSession, 1024, 1024 * 1024)
  const without = path === undefined ? { serves, maxSession } : {}
  for (const [option, value] of Object.entries(without)) {
    if (value !== undefined) throw invalidArgType(`"${option}" option`, 'undefined without a "path"', value)
  }
  if (path === undefined) return
  for (const option of ['name', 'maxSize', 'sweepInterval', 'ticketsPerPeer'] as const) {
    const value = others[option]
    if (value !== undefined) throw invalidArgType(`"${option}" option`, 'undefined with a "path"', value)
  }
}

/** Opens a cache. The options are valid, so the only possible failure is the reservation of memory. */
function openNative(options: Parameters<typeof native.open>[0]): ReturnType<typeof native.open> {
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
    if (key.length > 0 && key.length <= SHORT_KEY_UNITS) return key
    checkKeyLength(Buffer.byteLength(key))
  } else if (types.isUint8Array(key)) {
    rejectSharedMemory('key', key)
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
  rejectSharedMemory('blob', blob)
}

/** Throws for shared memory, since another thread could change the bytes while they are read. */
function rejectSharedMemory(name: string, bytes: Uint8Array): void {
  const buffer = bufferOf(bytes)
  if (types.isSharedArrayBuffer(buffer)) {
    throw invalidArgType(`"${name}" argument`, 'backed by an ArrayBuffer, not a SharedArrayBuffer', buffer)
  }
}

function capped(ttl: number | undefined): number | undefined {
  return ttl === undefined ? undefined : Math.min(ttl, SEVEN_DAYS)
}
