/** Having sessions forgotten by hand: those of a peer, or all. */
import { isIPv6, type Socket } from 'node:net'
import type tls from 'node:tls'
import { clientCache } from '../cache/default-caches.js'
import { native } from '../native/addon.js'
import { invalidArgType, outOfRange } from '../util/errors.js'
import { checkInteger, checkOptionBag, checkString } from '../util/validate.js'

/** Whom {@link purge} is to forget; nothing given, everybody. */
export interface PurgeOptions {
  /**
   * A host, in whatever spelling: what a connection was given as `host` or as `servername`, or the address that its
   * `socket` leads to; or the path of a unix socket.
   */
  host?: string | undefined
  /** That port of the host alone, 0 to 65535. */
  port?: number | undefined
}

const OPTIONS: readonly string[] = ['host', 'port'] satisfies (keyof PurgeOptions)[]

/** Stands for everybody, and for a port that nobody has told; no host has such a name. */
const EVERYBODY = '\0'
const SOME_PORT = '?'

/**
 * Forgets the sessions of a peer, or of all, so that the next connection to it is a full handshake that verifies
 * everything anew: to be called when a certificate was revoked, or a peer has been taken over.
 *
 * It holds in all threads of the process and for all caches from the moment it returns, also for connections under way:
 * what they were about to offer is not offered, and what they get is not kept. The peer's record of failures goes as
 * well, and so do the SecureContexts that connections share. Of the keys that sessions lie under nothing but a hash is
 * kept, so they cannot all be looked up to be wiped: each thread wipes those it has stored last, the other threads at
 * their next connection, and the rest is wiped when its lifetime ends.
 *
 * Open connections stay, those that agents keep alive too; so do the sessions of servers.
 *
 * @throws `ERR_INVALID_ARG_TYPE`, `ERR_OUT_OF_RANGE` or `ERR_TLS_RESUMPTION_UNKNOWN_OPTION` for an option that is wrong;
 * a `port` needs a `host`.
 *
 * @example
 * ```ts
 * import { purge } from 'tls-resumption'
 *
 * purge({ host: 'db.example' }) // on whatever port
 * purge({ host: '192.0.2.1', port: 5432 })
 * purge()
 * ```
 */
export function purge(options: PurgeOptions = {}): void {
  checkOptionBag('options', options, OPTIONS)
  const { host, port } = options
  checkHost(host)
  checkInteger('port', port, 0, 65_535)
  if (host !== undefined) {
    const name = plain(host)
    if (port === undefined) native.purge(name)
    else for (const at of [port, SOME_PORT]) native.purge(withPort(name, at))
  } else if (port === undefined) {
    native.purge(EVERYBODY)
    clientCache(undefined)?.clear()
  } else {
    throw invalidArgType('"host" option', 'a string, since there is a "port"', host)
  }
  noticePurges()
}

/** Whoever wrote it otherwise would not notice that nothing was forgotten. */
function checkHost(host: string | undefined): void {
  checkString('host', host, MAX_NAME)
  if (host === undefined || host.startsWith('/')) return
  const isAddress = isIPv6(plain(host))
  if (host.includes('*') || host.includes('\0') || (host.includes(':') && !isAddress)) {
    throw outOfRange('"host" option', 'one host, without its port', `'${host}'`)
  }
}

/** What had been purged when a connection began. */
export class Era {
  /** Another one after each purge that concerns the connection; empty before the first. */
  readonly tag: string
  readonly #ends: Ends
  readonly #purges = noticePurges()

  constructor({ host, servername, port, path, socket }: tls.ConnectionOptions) {
    const { remoteAddress, remotePort, _host } = (socket ?? {}) as Below
    this.#ends = {
      names: [path || host || 'localhost', servername, _host, remoteAddress],
      port: port ?? remotePort,
    }
    this.tag = this.#purges === 0 ? '' : tagOf(this.#ends)
  }

  /** Whether the connection has been purged since. */
  get isOver(): boolean {
    return native.purges() !== this.#purges && tagOf(this.#ends) !== this.tag
  }
}

type Below = Partial<Socket> & { _host?: string }

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

function withPort(name: string, port: number | string): string {
  return `${name}\0${port}`
}

const MAX_NAME = 1024

/** One spelling of a host: without case, a final dot, the brackets of a URL, or zeros that an IPv6 address may leave out. */
function plain(host: string): string {
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
