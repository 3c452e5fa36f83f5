/** Installs what the environment variables say. `variables.ts` knows their names. */

import { clientCache } from '../cache/default-caches.js'
import { limitLockedMemory } from '../cache/internal.js'
import { DEFAULT_CLIENT_CACHE, SessionCache, type SessionCacheOptions } from '../cache/session-cache.js'
import { SEVEN_DAYS } from '../util/time.js'
import { install } from './install.js'
import { checkNames, checkSwitch, type Environment, warn } from './variables.js'

/** Installs what the environment asks for. For each wrong name or value it warns, and uses the default. */
export function installFromEnvironment(environment: Environment): void {
  checkSwitch(environment)
  checkNames(environment)
  const read = <T>(name: string, expected: string, parse: (text: string) => T | undefined): T | undefined => {
    const text = environment[name]?.trim()
    if (text === undefined || text === '') return undefined
    const value = parse(text)
    if (value === undefined) warn(`${name} must be ${expected}, not '${text}'`)
    return value
  }
  const cache = {
    max: read('TLS_RESUMPTION_MAX', 'a whole number of sessions, 1 or more', integer(1, 100_000_000)),
    maxSize: read('TLS_RESUMPTION_MAX_SIZE', 'a whole number of bytes, 1 or more', integer(1, 2 ** 37 - 1)),
    ttl: read('TLS_RESUMPTION_TTL', 'a whole number of milliseconds, 1 or more', integer(1, 2 ** 53 - 1)),
    singleUse: read('TLS_RESUMPTION_SINGLE_USE', 'true or false', boolean),
    path: read('TLS_RESUMPTION_PATH', 'a path on tmpfs', text => text),
  }
  const maxLocked = read(
    'TLS_RESUMPTION_MAX_LOCKED',
    'a whole number of bytes, or a percentage from 0% to 100%',
    lockedMemory,
  )
  if (maxLocked !== undefined) limitLockedMemory(maxLocked)
  const age = `a whole number of milliseconds, from 1 to ${SEVEN_DAYS} (seven days)`
  const maxAge = read('TLS_RESUMPTION_MAX_AGE', age, integer(1, SEVEN_DAYS))
  const coalesce = read('TLS_RESUMPTION_COALESCE', 'true or false', boolean)
  const sampleRate = read('TLS_RESUMPTION_SAMPLE_RATE', 'a number from 0 to 1', fraction)
  const include = read('TLS_RESUMPTION_INCLUDE', 'hosts, separated by commas', list)
  const exclude = read('TLS_RESUMPTION_EXCLUDE', 'hosts, separated by commas', list)
  const sessionCache = openCache(cache)
  const rollout = {
    ...(include && { include }),
    ...(exclude && { exclude }),
    ...(sampleRate !== undefined && { sampleRate }),
    ...(coalesce !== undefined && { coalesce }),
    ...(maxAge !== undefined && { maxAge }),
  }
  try {
    install({ sessionCache, ...rollout })
  } catch (error) {
    // The list may be of peers that break when they are offered a session.
    warn(`nothing resumes: ${(error as Error).message}`)
  }
}

function openCache({ path, ...options }: SessionCacheOptions): SessionCache | null {
  if (path !== undefined) {
    const { maxSize, ...others } = options
    if (maxSize !== undefined)
      warn('TLS_RESUMPTION_MAX_SIZE is ignored, since there is a TLS_RESUMPTION_PATH')
    try {
      return new SessionCache({ path, ...others })
    } catch (error) {
      warn(`the threads of each process share sessions, and processes do not: ${(error as Error).message}`)
    }
  }
  if (Object.values(options).every(value => value === undefined)) return clientCache(undefined)
  try {
    return new SessionCache({ name: DEFAULT_CLIENT_CACHE, ...options })
  } catch (error) {
    warn((error as Error).message)
    return clientCache(undefined)
  }
}

function integer(min: number, max: number): (text: string) => number | undefined {
  return text => {
    const value = Number(text)
    return /^\d+$/.test(text) && value >= min && value <= max ? value : undefined
  }
}

function lockedMemory(text: string): { value: number; isPercent: boolean } | undefined {
  const isPercent = text.endsWith('%')
  const value = isPercent ? integer(0, 100)(text.slice(0, -1)) : integer(0, 2 ** 53 - 1)(text)
  return value === undefined ? undefined : { value, isPercent }
}

function fraction(text: string): number | undefined {
  const value = Number(text)
  return value >= 0 && value <= 1 ? value : undefined
}

function boolean(text: string): boolean | undefined {
  if (/^(1|true|yes|on)$/i.test(text)) return true
  return /^(0|false|no|off)$/i.test(text) ? false : undefined
}

function list(text: string): string[] {
  return text
    .split(',')
    .map(item => item.trim())
    .filter(Boolean)
}
