import type * as Macro from '../../dist/binding/index.cjs'

type Key = string | Uint8Array

/**
 * The functions of the addon: those that napi-rs declares, and the raw callbacks of
 * `crates/binding/src/napi/raw_callback.rs`, which have no declaration of their own.
 *
 * A handle is a number that stays valid in the whole process until it is closed. Times are milliseconds.
 */
export interface Native
  extends Pick<
    typeof Macro,
    | 'openChains'
    | 'fileId'
    | 'fileInfo'
    | 'fileStats'
    | 'processToken'
    | 'close'
    | 'clear'
    | 'sweep'
    | 'size'
    | 'stats'
    | 'sessionDescription'
    | 'limitLockedMemory'
    | 'ringClose'
    | 'ringRotate'
    | 'ringInsert'
    | 'ringReplace'
    | 'revokeFiles'
    | 'ringTick'
    | 'ringKeys'
  > {
  open(options: { [option in keyof Macro.OpenOptions]: Macro.OpenOptions[option] | undefined }): Macro.Opened

  /** Copies a session blob into `out`. Returns its length, 0 for a miss, or -length if `out` is too small. */
  get(handle: number, key: Key, out: Uint8Array): number
  /** Does the same as `get`, and marks the session as offered. */
  offer(handle: number, key: Key, out: Uint8Array): number
  /** Does the same as `get`, and removes the session. */
  take(handle: number, key: Key, out: Uint8Array): number

  /** Replaces the sessions of the key. Returns false if the cache rejects the blob. `ttl` 0 means the cache's own. */
  set(handle: number, key: Key, blob: Uint8Array, ttl: number, reusable: boolean): boolean
  /** Adds a session to the key. Returns false if the cache rejects the blob. `ttl` 0 means the cache's own. */
  add(handle: number, key: Key, blob: Uint8Array, ttl: number, reusable: boolean): boolean

  /**
   * Stores a session with its verification record of 64 bytes. Returns the id of the entry, or 0 if the cache rejected the
   * session or evicted it at once. `ttl` 0 means the cache's own. `flags`: 1 exempts the session from single use, 2 keeps
   * the other sessions of the key.
   */
  storeVerified(
    handle: number,
    key: Key,
    blob: Uint8Array,
    record: Uint8Array,
    ttl: number,
    flags: number,
  ): number
  /** Does the same as `offer`, with the record of 64 bytes first: zeros if the session was stored without one. */
  offerVerified(handle: number, key: Key, out: Uint8Array): number
  /**
   * Does the same as `offerVerified`, if the circuit breaker permits it: that of the file of the cache, or of the process.
   * Otherwise returns -2^31 for a pause and -2^31 + 1 for a probe. Reports to the breaker where there is no session.
   */
  offerPermitted(handle: number, key: Key, out: Uint8Array, endpoint: string): number
  /** Removes the entry that `storeVerified` returned. Returns false if the key does not have it any more. */
  removeEntry(handle: number, key: Key, id: number): boolean

  has(handle: number, key: Key): boolean
  /** Removes the sessions of the key. Returns how many. */
  remove(handle: number, key: Key): number

  /**
   * Takes the lease of the key for `millis`. Returns the lease, 0 if another connection holds it, or -1 if the key is
   * in the negative cache.
   */
  lead(handle: number, key: Key, millis: number): number
  /** Ends a lease. Returns true if a follower waits for it. */
  release(handle: number, key: Key, lease: number, isProductive: boolean): boolean

  /**
   * Asks the circuit breaker for offers: that of the file of a cache, or of the process (handle 0). Returns 0 if the
   * connection must not offer, 1 if it may, and 2 if it must not and probes. Here and below, `now` is in milliseconds, and NaN
   * stands for the addon's own clock. A file has its own clock.
   */
  breakerMayOffer(endpoint: string, key: Key, now: number, handle: number): 0 | 1 | 2
  /** Records the outcome of a handshake. The numbers are in `offer-breaker.ts`. */
  breakerReport(outcome: number, endpoint: string, key: Key, now: number, handle: number): void
  breakerForgetEndpoint(endpoint: string, handle: number): void
  breakerForgetAll(): void
  /**
   * Increments the purge counter of a host: that of the process, and that of each file which the process has open, or opens
   * later. Returns false if the path of one leads to no file that can be used.
   */
  purge(host: string): boolean
  /** Returns the purge counter of a host in the file of a cache. Without a file, and for handle 0, that of the process. */
  purgesOf(handle: number, host: string): number
  /**
   * Returns a number that changes with each purge in the file of a cache, and when its path leads to another file. Without
   * a file, and for handle 0, the number of purges in the process.
   */
  purges(handle: number): number
  /** Ends the offers of this process under the key, in the file of a cache. */
  settleOffers(handle: number, key: Key): void
  /** Stores a certificate chain in the file of a cache, under its digest of 32 bytes. */
  storeChain(handle: number, digest: Uint8Array, chain: Uint8Array): boolean
  /** Copies a certificate chain as `get` copies a session, and counts as a use of it. */
  chain(handle: number, digest: Key, out: Uint8Array): number

  /** Counts a revocation generation that was stored before, for all threads. */
  noteRevocation(): void
  /** Returns how many generations were stored. While it stays the same, all generations do. */
  revocationChanges(): number

  /** Writes up to eight numbers about a session into `out`. Returns false if the bytes are no session. */
  sessionInfo(session: Uint8Array, out: Uint8Array): boolean
  /** Returns the session fingerprint: a 53-bit hash with a random key that never leaves the addon. */
  sessionFingerprint(session: Uint8Array): number
  /**
   * Returns the earliest `nextUpdate` of the revocation lists that are current at `nowMs`, in milliseconds since 1970. The
   * bytes are PEM or DER of one or several lists. Returns Infinity if no list bounds, and NaN if the bytes are malformed.
   */
  crlNextUpdate(bytes: Uint8Array, nowMs: number): number

  ringOpen(options: {
    name: string | undefined
    path?: string | undefined
    rotateEvery: number
    keep: number
  }): Macro.Opened
  /** Copies the active key into the 48 bytes of `out`. Returns false if there is none. */
  ringActiveKey(handle: number, out: Uint8Array): boolean
  /** Copies all keys with their ages into `out`. Returns the number of bytes. */
  ringExport(handle: number, out: Uint8Array): number
  /** Copies the secrets of the named key into the 32 bytes of `out`. Returns how many keys are newer, or -1. */
  ringFind(handle: number, name: Uint8Array, out: Uint8Array): number

  /**
   * Seals a secret by AES-256-GCM: key of 32 bytes, nonce of 12. Writes ciphertext and tag into `out`, which is 16 bytes
   * longer than the secret. No two of the arrays may overlap.
   */
  aeadSeal(
    key: Uint8Array,
    nonce: Uint8Array,
    boundTo: Uint8Array,
    secret: Uint8Array,
    out: Uint8Array,
  ): boolean
  /** Opens it. `out` is 16 bytes shorter than `sealed`. Returns false, and writes nothing, if it was sealed otherwise. */
  aeadOpen(
    key: Uint8Array,
    nonce: Uint8Array,
    boundTo: Uint8Array,
    sealed: Uint8Array,
    out: Uint8Array,
  ): boolean
}
