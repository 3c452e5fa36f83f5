import type tls from 'node:tls'
import { native } from '../native/addon.js'
import { type Endpoint, readEndpoint } from './endpoint.js'
import { type KeyScope, PROCESS_SCOPE } from './key-scope.js'

/** Stands for all peers, and for a port that is not known. No host has such a name. */
export const ALL_PEERS = '\0'
export const UNKNOWN_PORT = '?'

/** What had been purged when a connection began. */
export class PurgeGeneration {
  /** Changes with each purge that means the connection. Empty before the first purge. */
  readonly value: string
  readonly endpoint: Endpoint
  readonly #scope: KeyScope
  readonly #purges: number

  /** `scope`: whose counters count. */
  constructor(options: tls.ConnectionOptions, scope: KeyScope = PROCESS_SCOPE) {
    this.#scope = scope
    this.#purges = noticePurges(scope)
    this.endpoint = readEndpoint(options)
    this.value = this.#purges === 0 ? '' : countPurges(scope, this.endpoint)
  }

  /** True if the connection has been purged since. */
  get isOver(): boolean {
    const scope = this.#scope
    return native.purges(scope.handle()) !== this.#purges && countPurges(scope, this.endpoint) !== this.value
  }
}

function countPurges(scope: KeyScope, { names, ports }: Endpoint): string {
  const handle = scope.handle()
  const counts = [native.purgesOf(handle, ALL_PEERS)]
  for (const name of names) {
    counts.push(native.purgesOf(handle, name))
    for (const port of ports.length > 0 ? ports : [UNKNOWN_PORT]) {
      counts.push(native.purgesOf(handle, withPort(name, port)))
    }
  }
  return counts.every(count => count === 0) ? '' : counts.join('.')
}

/** Returns the name of one port of a host in the purge counters. */
export function withPort(name: string, port: number | string): string {
  return `${name}\0${port}`
}

const forgetters: (() => void)[] = []

/** Calls `forget` in this thread after each purge, by whatever thread, before the next connection begins. */
export function onPurge(forget: () => void): void {
  forgetters.push(forget)
}

/** How many purges this thread has noticed, by scope. */
const noticed = new WeakMap<KeyScope, number>()

/**
 * Forgets what this thread remembers, if any thread or process has purged since the last call for the scope. Returns a
 * number that changes with each purge.
 */
export function noticePurges(scope: KeyScope = PROCESS_SCOPE): number {
  const now = native.purges(scope.handle())
  const before = noticed.get(scope) ?? (scope === PROCESS_SCOPE ? 0 : now)
  if (now !== before || !noticed.has(scope)) noticed.set(scope, now)
  if (now !== before) for (const forget of forgetters) forget()
  return now
}
