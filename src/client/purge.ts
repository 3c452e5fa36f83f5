import { isIPv6 } from 'node:net'
import { clientCache } from '../cache/default-caches.js'
import { EVERYBODY, MAX_NAME, noticePurges, plain, SOME_PORT, withPort } from '../key/purge-generation.js'
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
