import type tls from 'node:tls'
import { native } from '../native/addon.js'
import { type Endpoint, readEndpoint } from './endpoint.js'

/** Stands for all peers, and for a port that is not known. No host has such a name. */
export const ALL_PEERS = '\0'
export const UNKNOWN_PORT = '?'

/** What had been purged when a connection began. */
export class PurgeGeneration {
  /** Changes with each purge that means the connection. Empty before the first purge. */
  readonly value: string
  readonly endpoint: Endpoint
  readonly #purges = noticePurges()

  constructor(options: tls.ConnectionOptions) {
    this.endpoint = readEndpoint(options)
    this.value = this.#purges === 0 ? '' : countPurges(this.endpoint)
  }

  /** True if the connection has been purged since. */
  get isOver(): boolean {
    return native.purges() !== this.#purges && countPurges(this.endpoint) !== this.value
  }
}

function countPurges({ names, ports }: Endpoint): string {
  const counts = [native.purgesOf(ALL_PEERS)]
  for (const name of names) {
    counts.push(native.purgesOf(name))
    for (const port of ports.length > 0 ? ports : [UNKNOWN_PORT]) {
      counts.push(native.purgesOf(withPort(name, port)))
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

let noticed = 0

/** Forgets what this thread remembers, if any thread has purged since the last call. Returns how many purges there were. */
export function noticePurges(): number {
  const now = native.purges()
  if (now !== noticed) {
    noticed = now
    for (const forget of forgetters) forget()
  }
  return now
}
