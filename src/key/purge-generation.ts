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
  /** The file whose counters were read. */
  readonly #file: string

  /** `scope`: whose counters count. */
  constructor(options: tls.ConnectionOptions, scope: KeyScope = PROCESS_SCOPE) {
    this.#scope = scope
    this.#purges = noticePurges(scope)
    this.#file = fileOf(scope)
    this.endpoint = readEndpoint(options)
    this.value = this.#purges === 0 ? '' : countPurges(scope, this.endpoint)
  }

  /** True if the connection has been purged since, or if the path of its cache leads to another file. */
  get isOver(): boolean {
    const scope = this.#scope
    if (totalPurges(scope) === this.#purges) return false
    // The counters of another file begin with 0, and soon are those that were read.
    // @guard purge › file-purge › cache in a file: a purge holds for earlier sessions when the file is made again
    //   ⇒ if false
    if (fileOf(scope) !== this.#file) return true
    return countPurges(scope, this.endpoint) !== this.value
  }
}

function fileOf(scope: KeyScope): string {
  const handle = scope.handle()
  return handle === 0 ? '' : native.fileId(handle)
}

/** Returns a number that grows with each purge that the scope may mean. */
function totalPurges(scope: KeyScope): number {
  const own = native.purges(scope.handle())
  // @guard shared-file › shared-file › cache in a file: purge holds in the process without a usable file ⇒ if false
  return scope.hasProcessCounters ? own + native.purges(0) : own
}

function countPurges(scope: KeyScope, endpoint: Endpoint): string {
  const own = countIn(scope.handle(), endpoint)
  if (!scope.hasProcessCounters) return own
  const ofProcess = countIn(0, endpoint)
  return own === '' && ofProcess === '' ? '' : `${own} ${ofProcess}`
}

function countIn(handle: number, { names, ports }: Endpoint): string {
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

/**
 * Forgets what this thread remembers, if any thread or process has purged since the last call for the scope. Returns a
 * number that changes with each purge.
 */
export function noticePurges(scope: KeyScope = PROCESS_SCOPE): number {
  const now = totalPurges(scope)
  const before = scope.noticedPurges
  if (now === before) return now
  scope.noticedPurges = now
  if (before !== undefined) for (const forget of forgetters) forget()
  return now
}
