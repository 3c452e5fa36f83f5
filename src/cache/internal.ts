/** Access of the package's own modules to caches, beyond the public methods of `SessionCache`. */
import { native } from '../native/addon.js'
import { borrow } from '../native/scratch-buffer.js'
import { sha256 } from '../util/digest.js'
import * as log from '../util/log.js'
import { breakerOf } from './offer-breaker.js'
import {
  handleOf,
  localOptionsOf,
  type ReadOperation,
  SessionCache,
  type WriteOperation,
} from './session-cache.js'

/**
 * Lets `use` borrow a session. `use` runs at once and must not keep the buffer, which is wiped when it
 * returns.
 *
 * @returns What `use` returned, or `undefined` if there is no session or the cache is disposed of.
 */
export function borrowSession<T>(
  cache: SessionCache,
  operation: ReadOperation,
  key: string | Uint8Array,
  use: (blob: Buffer) => T,
): T | undefined {
  const handle = handleOf(cache)
  return handle === 0 ? undefined : borrow(native[operation], handle, key, use)
}

/** Stores a session that an event delivered. Returns false if the cache rejects it or is disposed of. */
export function storeSession(
  cache: SessionCache,
  operation: WriteOperation,
  key: string | Uint8Array,
  blob: Buffer,
  { ttl, reusable }: { ttl: number; reusable: boolean },
): boolean {
  const handle = handleOf(cache)
  return handle !== 0 && native[operation](handle, key, blob, ttl, reusable)
}

/**
 * Limits the memory that all caches and ticket key rings of the process keep out of swap space together: bytes, or a percentage
 * of what the system permits.
 */
export function limitLockedMemory({ value, isPercent }: { value: number; isPercent: boolean }): void {
  native.limitLockedMemory(value, isPercent)
}

/** Removes all sessions of the key. A cache that is disposed of has none. */
export function dropSessions(cache: SessionCache, key: string): void {
  const handle = handleOf(cache)
  if (handle !== 0) native.remove(handle, key)
}

/** True if there is a session under the key. Does not count as a use of it. */
export function hasSession(cache: SessionCache, key: string): boolean {
  const handle = handleOf(cache)
  return handle !== 0 && native.has(handle, key)
}

/** Returns a lease on the key for `millis`, 0 if another connection leads, or -1 if there is no leader to wait for. */
export function acquireLease(cache: SessionCache, key: string, millis: number): number {
  const handle = handleOf(cache)
  return handle === 0 ? -1 : native.lead(handle, key, millis)
}

/**
 * Ends a lease. `isProductive`: the leader stored a session that the followers can offer.
 *
 * @returns True if followers wait.
 */
export function releaseLease(
  cache: SessionCache,
  key: string,
  lease: number,
  isProductive: boolean,
): boolean {
  const handle = handleOf(cache)
  return handle !== 0 && native.release(handle, key, lease, isProductive)
}

/** The size of a verification record. The cache does not interpret its content. */
export const RECORD_BYTES = 64

const REUSABLE = 1
const ADD = 2

/** Options of {@link storeVerified}. */
export interface VerifiedOptions {
  /** The session's own lifetime in milliseconds. The cache's `ttl` caps it. */
  ttl: number
  /** True to exempt the session from `singleUse`. */
  reusable: boolean
  /** True to keep the other sessions of the key, up to `ticketsPerPeer`. Otherwise the session replaces them. */
  add: boolean
}

/**
 * Stores a session with a record of its verification.
 *
 * The record is kept with the session, is wiped with it, and counts as 64 bytes of it in `bytes` and `maxSize`. Public
 * methods of the cache neither read nor write records.
 *
 * @returns A number that names the entry for {@link removeEntry}, or 0 if the cache rejected it, evicted it at once, or
 * is disposed of.
 */
export function storeVerified(
  cache: SessionCache,
  key: string | Uint8Array,
  blob: Uint8Array,
  record: Uint8Array,
  { ttl, reusable, add }: VerifiedOptions,
): number {
  const handle = handleOf(cache)
  const flags = (reusable ? REUSABLE : 0) | (add ? ADD : 0)
  return handle === 0 ? 0 : native.storeVerified(handle, key, blob, record, ttl, flags)
}

/**
 * Lets `use` borrow the session that a new connection should offer, with its record. Marks the session as offered.
 *
 * `use` runs at once and must keep neither buffer: both are wiped when it returns. The record is zeros if the session was
 * stored without one.
 *
 * @returns What `use` returned, or `undefined` if there is no session or the cache is disposed of.
 */
export function borrowVerified<T>(
  cache: SessionCache,
  key: string | Uint8Array,
  use: (blob: Buffer, record: Buffer) => T,
): T | undefined {
  const handle = handleOf(cache)
  if (handle === 0) return undefined
  return borrow(native.offerVerified, handle, key, offered => {
    const { blob, record } = viewOf(offered)
    return use(blob, record)
  })
}

/** As the addon returns them. */
const PAUSE = -(2 ** 31)
const PROBE = PAUSE + 1

/**
 * Does the same as {@link borrowVerified} if the circuit breaker permits an offer to the endpoint. Where there is no
 * session, the breaker knows it. Where `use` makes no offer, it has to be told.
 *
 * @returns `pause` or `probe` where no session may be offered; otherwise what {@link borrowVerified} returns.
 */
export function borrowPermitted<T>(
  cache: SessionCache,
  key: string,
  endpoint: string,
  use: (blob: Buffer, record: Buffer) => T,
): T | 'pause' | 'probe' | undefined {
  const handle = handleOf(cache)
  if (handle === 0) return undefined
  let length: number | undefined
  const fill = (_: number, __: string, out: Buffer) => {
    // The breaker is asked once, also where the session needs a larger buffer.
    if (length !== undefined) {
      const second = native.offerVerified(handle, key, out)
      // Evicted or taken in between: the breaker expects an offer.
      if (second === 0) breakerOf(cache).notOffered(endpoint)
      return second
    }
    // @guard offer-back-off › strict-peer › strict peer: TLS * offers pause to a peer that rejects every
    //   session
    //   ⇒ `native.offerPermitted(handle, key, out, endpoint)` becomes `native.offerVerified(handle, key, out)`
    length = native.offerPermitted(handle, key, out, endpoint)
    return length > PROBE ? length : 0
  }
  const used = borrow(fill, handle, key, offered => {
    const { blob, record } = viewOf(offered)
    return use(blob, record)
  })
  if (length === PAUSE) return 'pause'
  return length === PROBE ? 'probe' : used
}

function viewOf(offered: Buffer): typeof lastView {
  if (offered !== lastView.of) {
    lastView = {
      of: offered,
      blob: offered.subarray(RECORD_BYTES),
      record: offered.subarray(0, RECORD_BYTES),
    }
  }
  return lastView
}

/** Parts of the last borrowed buffer: it is mostly the same one, and to make a view costs more than to read it. */
let lastView: { of: Buffer | undefined; blob: Buffer; record: Buffer } = {
  of: undefined,
  blob: Buffer.alloc(0),
  record: Buffer.alloc(0),
}

/** Removes the entry that {@link storeVerified} named. Returns false if it is not under the key any more. */
export function removeEntry(cache: SessionCache, key: string | Uint8Array, id: number): boolean {
  const handle = handleOf(cache)
  return handle !== 0 && native.removeEntry(handle, key, id)
}

/** The caches that this thread has opened in place of caches in files. */
const localCaches = new WeakMap<SessionCache, SessionCache>()

/**
 * Returns the cache of the process for what a cache in a file may not hold. All threads of the process share it. Any other
 * cache stands for itself.
 */
export function localCacheOf(cache: SessionCache): SessionCache {
  if (cache.path === undefined) return cache
  let local = localCaches.get(cache)
  if (local === undefined) {
    const options = localOptionsOf(cache)
    const name = `tls-resumption-of-${sha256(`${cache.path} ${options.ttl} ${options.singleUse}`)}`
    local = new SessionCache({ name, ...options })
    localCaches.set(cache, local)
  }
  return local
}

/**
 * Ends the offers that this process made under the key: each came to a conclusive end. In a file, a session whose offer
 * never ends is not offered again, since the peer may hang on it.
 */
export function settleOffers(cache: SessionCache, key: string): void {
  if (cache.path === undefined) return
  const handle = handleOf(cache)
  if (handle !== 0) native.settleOffers(handle, key)
}

/** The handle of this thread on the chains of the process. 0 if there was no memory for them. */
let chains: number | undefined

function openChains(): number {
  if (chains === undefined) {
    try {
      chains = native.openChains()
    } catch (error) {
      chains = 0
      log.warn('NO_CACHE', `Certificate chains are not kept: ${(error as Error).message}`)
    }
  }
  return chains
}

/** Certificate chains by their digest of 32 bytes. The encoding is the caller's. */
export interface ChainStore {
  /** Stores a chain. Returns false if it is not kept: it is too large, or there is no room. */
  put(digest: Uint8Array, blob: Uint8Array): boolean
  /**
   * Lets `use` borrow a chain and makes it the most recently used. `use` runs at once and must not keep the buffer.
   *
   * @returns What `use` returned, or `undefined` if the chain is not kept.
   */
  borrow<T>(digest: Uint8Array, use: (blob: Buffer) => T): T | undefined
}

/**
 * The certificate chains that sessions were verified with. All threads share them.
 *
 * At most 1,000 chains and 16 MiB are kept, each for seven days. The least recently used one is evicted first.
 */
export const chainStore: ChainStore = {
  put(digest, blob) {
    const handle = openChains()
    return handle !== 0 && native.set(handle, digest, blob, 0, true)
  },
  borrow(digest, use) {
    const handle = openChains()
    return handle === 0 ? undefined : borrow(native.get, handle, digest, use)
  },
}

/** Returns the store of the chains that the sessions of a cache were verified with. Those of a file are in the file. */
export function chainsOf(cache: SessionCache): ChainStore {
  if (cache.path === undefined) return chainStore
  return {
    put(digest, blob) {
      const handle = handleOf(cache)
      return handle !== 0 && native.storeChain(handle, digest, blob)
    },
    borrow(digest, use) {
      const handle = handleOf(cache)
      return handle === 0 ? undefined : borrow(native.chain, handle, digest, use)
    },
  }
}
