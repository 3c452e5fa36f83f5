import { isIPv6, type Socket } from 'node:net'
import type tls from 'node:tls'
import { native } from '../native/addon.js'
import { hostOfSocket } from '../node/tls-internals.js'

/** Stands for everybody, and for a port that nobody has told; no host has such a name. */
export const EVERYBODY = '\0'
export const SOME_PORT = '?'

/** What had been purged when a connection began. */
export class Era {
  /** Another one after each purge that concerns the connection; empty before the first. */
  readonly tag: string
  readonly #ends: Ends
  readonly #purges = noticePurges()

  constructor({ host, servername, port, path, socket }: tls.ConnectionOptions) {
    const { remoteAddress, remotePort } = (socket ?? {}) as Partial<Socket>
    this.#ends = {
      names: [path || host || 'localhost', servername, hostOfSocket(socket), remoteAddress],
      port: port ?? remotePort,
    }
    this.tag = this.#purges === 0 ? '' : tagOf(this.#ends)
  }

  /** Whether the connection has been purged since. */
  get isOver(): boolean {
    return native.purges() !== this.#purges && tagOf(this.#ends) !== this.tag
  }
}

/** All names by which a connection can be meant, and its port if that is known. */
interface Ends {
  names: readonly (string | undefined)[]
  port: number | string | undefined
}

function tagOf({ names, port = SOME_PORT }: Ends): string {
  const counts = [native.purgesOf(EVERYBODY)]
  for (const given of new Set(names)) {
    if (!given) continue
    const name = plain(given)
    counts.push(native.purgesOf(name), native.purgesOf(withPort(name, port)))
  }
  return counts.every(count => count === 0) ? '' : counts.join('.')
}

export function withPort(name: string, port: number | string): string {
  return `${name}\0${port}`
}

export const MAX_NAME = 1024

/** One spelling of a host: without case, a final dot, the brackets of a URL, or zeros that an IPv6 address may leave out. */
export function plain(host: string): string {
  const name = String(host).slice(0, MAX_NAME).toLowerCase().replace(/\.$/, '')
  const address = name.startsWith('[') && name.endsWith(']') ? name.slice(1, -1) : name
  return isIPv6(address) ? canonical(address) : address
}

function canonical(address: string): string {
  // With a zone it is none in a URL.
  const url = `http://[${address}]`
  return URL.canParse(url) ? new URL(url).hostname.slice(1, -1) : address
}

const forgetters: (() => void)[] = []

/** Has `forget` called in this thread after each purge, by whatever thread, before the next connection begins. */
export function onPurge(forget: () => void): void {
  forgetters.push(forget)
}

let noticed = 0

/** Has everything forgotten that was purged, by whatever thread, and returns how many purges there were. */
export function noticePurges(): number {
  const now = native.purges()
  if (now !== noticed) {
    noticed = now
    for (const forget of forgetters) forget()
  }
  return now
}
