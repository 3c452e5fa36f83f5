import { invalidArgType } from '../util/errors.js'
import * as log from '../util/log.js'
import { DEFAULT_CLIENT_CACHE, DEFAULT_SERVER_CACHE, SessionCache } from './session-cache.js'

/** This thread's handles on the caches that every thread uses where no other is given. */
const opened = new Map<string, SessionCache | null>()

/** Nobody asked for this one, so where there is no room for it, connections go on without. */
function open(name: string): SessionCache | null {
  let cache = opened.get(name)
  if (cache === undefined) {
    try {
      cache = new SessionCache({ name })
    } catch (error) {
      cache = null
      log.warn('NO_CACHE', `TLS sessions are not kept: ${(error as Error).message}`)
    }
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
