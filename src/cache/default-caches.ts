import { invalidArgType } from '../util/errors.js'
import * as log from '../util/log.js'
import { DEFAULT_CLIENT_CACHE, DEFAULT_SERVER_CACHE, isForServers, SessionCache } from './session-cache.js'

/** The default caches that this thread has open. null: the cache could not be created. */
const defaultCaches = new Map<string, SessionCache | null>()

/** Opens a default cache. If there is no memory for it, warns once and returns null: connections then do not resume. */
function openDefault(name: string): SessionCache | null {
  let cache = defaultCaches.get(name)
  if (cache === undefined) {
    try {
      cache = new SessionCache({ name })
    } catch (error) {
      cache = null
      log.warn('NO_CACHE', `TLS connections do not resume: ${(error as Error).message}`)
    }
    defaultCaches.set(name, cache)
  }
  return cache
}

/** Returns the cache of a `sessionCache` option. undefined means the default cache, and null means no cache. */
function resolve(option: unknown, defaultName: string): SessionCache | null {
  if (option instanceof SessionCache && option.path !== undefined) {
    const serves = defaultName === DEFAULT_SERVER_CACHE ? 'servers' : 'clients'
    if (isForServers(option) !== (serves === 'servers')) {
      throw invalidArgType('"sessionCache" option', `a SessionCache whose file serves ${serves}`, option)
    }
  }
  if (option === null || option instanceof SessionCache) return option
  if (option === undefined) return openDefault(defaultName)
  throw invalidArgType('"sessionCache" option', 'a SessionCache of this copy of the package, or null', option)
}

/** Returns the cache of a client's `sessionCache` option, or null. */
export function clientCache(option: unknown): SessionCache | null {
  return resolve(option, DEFAULT_CLIENT_CACHE)
}

/**
 * Returns the cache of a server's `sessionCache` option, or null. Servers have a default cache of their own, since remote
 * clients decide how full it gets.
 */
export function serverCache(option: unknown): SessionCache | null {
  return resolve(option, DEFAULT_SERVER_CACHE)
}
