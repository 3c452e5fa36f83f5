import { invalidArgType } from './errors.js'
import { DEFAULT_CLIENT_CACHE, DEFAULT_SERVER_CACHE, SessionCache } from './session-cache.js'

/** This thread's handles on the caches that every thread uses where no other is given. */
const opened = new Map<string, SessionCache>()

function open(name: string): SessionCache {
  let cache = opened.get(name)
  if (cache === undefined) {
    cache = new SessionCache({ name })
    opened.set(name, cache)
  }
  return cache
}

/** The cache a `sessionCache` option stands for: left out, the default; null, none. */
function resolve(option: unknown, defaultName: string): SessionCache | null {
  if (option === null || option instanceof SessionCache) return option
  if (option === undefined) return open(defaultName)
  throw invalidArgType('"sessionCache" option', 'a SessionCache of this copy of the package, or null', option)
}

export function clientCache(option: unknown): SessionCache | null {
  return resolve(option, DEFAULT_CLIENT_CACHE)
}

/** Apart from the clients': how full it gets is up to whoever connects. */
export function serverCache(option: unknown): SessionCache | null {
  return resolve(option, DEFAULT_SERVER_CACHE)
}
