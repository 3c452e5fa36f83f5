import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { getEnvironmentData, setEnvironmentData } from 'node:worker_threads'
import type * as Macro from '../../dist/binding/index.cjs'
import { type CodedError, coded } from '../util/errors.js'
import * as log from '../util/log.js'
import { whyUnavailable } from './platform.js'

type Key = string | Uint8Array

/** The addon: what napi-rs declares of it, and the raw callbacks listed in `crates/binding/src/callback.rs`. */
export interface Native
  extends Pick<
    typeof Macro,
    | 'openChains'
    | 'close'
    | 'clear'
    | 'sweep'
    | 'size'
    | 'stats'
    | 'sessionDescription'
    | 'ringClose'
    | 'ringRotate'
    | 'ringInsert'
    | 'ringReplace'
    | 'ringTick'
    | 'ringKeys'
    | '__napiBindingTarget'
  > {
  open(options: { [option in keyof Macro.OpenOptions]: Macro.OpenOptions[option] | undefined }): Macro.Opened
  /** Fills `out`: the blob's length, 0 for a miss, the length negated where `out` is too small. */
  get(handle: number, key: Key, out: Uint8Array): number
  offer(handle: number, key: Key, out: Uint8Array): number
  take(handle: number, key: Key, out: Uint8Array): number
  /** Whether the cache accepted the blob; `ttl` 0 is the cache's own. */
  set(handle: number, key: Key, blob: Uint8Array, ttl: number, reusable: boolean): boolean
  add(handle: number, key: Key, blob: Uint8Array, ttl: number, reusable: boolean): boolean
  /**
   * Stores a blob with a record of 64 bytes, and returns a number that names the entry. Returns 0 if the cache rejected it or
   * evicted it at once. `ttl` 0 is the cache's own. `flags`: 1 exempts it from single use, 2 keeps the key's other tickets.
   */
  storeVerified(
    handle: number,
    key: Key,
    blob: Uint8Array,
    record: Uint8Array,
    ttl: number,
    flags: number,
  ): number
  /** As `offer`, but the record of 64 bytes comes first: zeros if the entry was stored without one. */
  offerVerified(handle: number, key: Key, out: Uint8Array): number
  /** Removes the entry that `storeVerified` named. Returns false if it is not under the key any more. */
  removeEntry(handle: number, key: Key, id: number): boolean
  has(handle: number, key: Key): boolean
  remove(handle: number, key: Key): number
  /** Whether a connection that begins now has a reason to call `lead`. */
  mayLead(handle: number, key: Key): boolean
  /** A lease on the key for so many milliseconds; 0 where another leads, -1 where there is nobody to wait for. */
  lead(handle: number, key: Key, millis: number): number
  /** Whether somebody waits for it. */
  release(handle: number, key: Key, lease: number, fruitful: boolean): boolean
  /** Counts a purge of the peer of that name, for all threads. */
  purge(name: string): void
  /** How often the peer of that name was purged. */
  purgesOf(name: string): number
  /** How many purges there were at all. */
  purges(): number
  /** Fills `out` with five numbers; false for bytes that are no session. See `session-facts.ts`. */
  sessionFacts(session: Uint8Array, out: Uint8Array): boolean
  /** A number for the bytes, by a hash whose key nobody knows. */
  sessionMark(session: Uint8Array): number
  ringOpen(options: { name: string | undefined; rotateEvery: number; keep: number }): Macro.Opened
  /** Copies the key that seals into the 48 bytes of `out`. */
  ringNewest(handle: number, out: Uint8Array): boolean
  /** Copies all keys with their ages into `out`: how many bytes that were. */
  ringExport(handle: number, out: Uint8Array): number
  /** Copies the secrets of the key of that name into the 32 bytes of `out`: how many are newer, -1 for none. */
  ringFind(handle: number, name: Uint8Array, out: Uint8Array): number
}

// What a bundler makes of it as CommonJS has no `import.meta`, but has this.
declare const __filename: string
const require = createRequire(import.meta.url ?? __filename)
const location = locate()

/** The loader; within a bundle it is not beside this code, so that of the installed package is taken. */
function locate(): string {
  try {
    return require.resolve('../binding/index.cjs')
  } catch (cause) {
    try {
      return join(dirname(require.resolve('tls-resumption/package.json')), 'dist', 'binding', 'index.cjs')
    } catch {
      throw addonUnavailable('a bundle of tls-resumption needs the package installed beside it', cause)
    }
  }
}

function addonUnavailable(reason: string, cause: unknown): CodedError {
  return coded(
    new Error(`The native addon of tls-resumption could not be loaded: ${reason}`, { cause }),
    'ERR_TLS_RESUMPTION_ADDON',
  )
}

function load(): Native {
  try {
    return require(location)
  } catch (cause) {
    throw addonUnavailable(whyUnavailable(cause), cause)
  }
}

/**
 * Tells of a second copy of the package in the process: its caches are another memory, so names are
 * not shared between the two. Environment data reaches workers started later, the global symbol
 * everything in this thread.
 */
function warnOfSecondCopy(): void {
  const mark = Symbol.for('tls-resumption.location')
  const marked = globalThis as { [mark]?: string }
  const first = marked[mark] ?? getEnvironmentData('tls-resumption.location')
  if (typeof first !== 'string') {
    setEnvironmentData('tls-resumption.location', location)
  } else if (first !== location) {
    log.warn(
      'SECOND_COPY',
      `tls-resumption is loaded twice in this process, and the copies share no sessions`,
      `first ${first}\nnow ${location}`,
    )
  }
  marked[mark] ??= location
}

export const native: Native = load()
warnOfSecondCopy()
