import { native } from '../native/addon.js'
import { processTrust } from './process-trust.js'

/** What shares the sessions of a cache: the threads of this process, or all processes that have its file open. */
export interface KeyScope {
  /** Returns the handle of the cache whose purge counters are mixed into keys. 0: those of the process. */
  handle(): number
  /** True if the counters of the process are mixed into keys, too. */
  readonly hasProcessCounters?: boolean
  /** Returns what else is mixed into keys. Undefined within one process. */
  trust(): string | undefined
  /** How many purges this thread has noticed. Undefined before it has looked. */
  noticedPurges?: number
}

/** The threads of this process. Their keys depend on the purge counters of the process only. */
export const PROCESS_SCOPE: KeyScope = { handle: () => 0, trust: () => undefined, noticedPurges: 0 }

interface FileScopes {
  /** The scope of the sessions in the file. */
  readonly shared: KeyScope
  /** The scope of the sessions that stay in the process. */
  readonly local: KeyScope
}

/** The scopes of caches in files. */
const scopes = new WeakMap<object, FileScopes>()

/**
 * Returns the scope of a cache. `handleOf` returns its native handle, which changes when it is disposed of. `isLocal`: of
 * the sessions that the file of the cache may not hold.
 */
export function scopeOf<Cache extends { readonly path: string | undefined }>(
  cache: Cache,
  handleOf: (cache: Cache) => number,
  isLocal: boolean,
): KeyScope {
  if (cache.path === undefined) return PROCESS_SCOPE
  let ofCache = scopes.get(cache)
  if (ofCache === undefined) {
    const held = new WeakRef(cache)
    const shared = fileScope(() => {
      const open = held.deref()
      return open === undefined ? 0 : handleOf(open)
    })
    // A purge by another process counts in the file only. One by this process must hold while no file can be used.
    ofCache = { shared, local: { ...shared, hasProcessCounters: true } }
    scopes.set(cache, ofCache)
  }
  // @guard shared-file › shared-file › cache in a file: purge holds in the process without a usable file ⇒ if false
  if (isLocal) return ofCache.local
  return ofCache.shared
}

/**
 * Returns the scope of a cache in a file. Its keys depend on the purge counters of the file only. Those of the process
 * begin with 0 in each process: after a purge, no two processes would have the same keys.
 */
export function fileScope(handle: () => number): KeyScope {
  let purges = -1
  let file = ''
  return {
    handle,
    trust() {
      // It changes when the path leads to another file, too.
      const now = native.purges(handle())
      if (now !== purges) {
        purges = now
        file = native.fileId(handle())
      }
      // @guard shared-file › process-trust › session key: it holds the file and what the process takes for granted
      //   ⇒ ``${processTrust()} ${file}`` becomes `file`
      // @guard shared-file › process-trust › session key: it holds the file and what the process takes for granted
      //   ⇒ ``${processTrust()} ${file}`` becomes `processTrust()`
      return `${processTrust()} ${file}`
    },
  }
}
