import { isIPv6 } from 'node:net'
import { clientCache } from '../cache/default-caches.js'
import { canonicalName, isPath, MAX_NAME } from '../key/endpoint.js'
import { ALL_PEERS, noticePurges, UNKNOWN_PORT, withPort } from '../key/purge-generation.js'
import { native } from '../native/addon.js'
import { invalidArgType, outOfRange } from '../util/errors.js'
import { warnOnce } from '../util/log.js'
import { checkInteger, checkOptionBag, checkString } from '../util/validate.js'

/** The peer that {@link purge} forgets. Without options it forgets all peers. */
export interface PurgeOptions {
  /**
   * A host in any spelling: the `host` or `servername` of connections, or the address that their `socket` leads to. Or
   * the path of a unix socket.
   */
  host?: string | undefined
  /** One port of the host, 0 to 65535. */
  port?: number | undefined
}

const OPTIONS: readonly string[] = ['host', 'port'] satisfies (keyof PurgeOptions)[]

/**
 * Forgets the sessions of a peer, or of all peers, so that the next connection to it is a full handshake that verifies
 * everything again. Call it when a certificate was revoked, or a peer has been taken over.
 *
 * It takes effect in all threads of the process and for all caches before it returns, and for those that are opened later.
 * For a cache in a file it takes effect in all processes, and stays in force when they end. If the path of one leads to no
 * file that can be used, a warning says so. Connections under way offer no
 * earlier session, and what they get is not stored. The record of the peer's failures and the SecureContexts
 * that connections share are forgotten, too.
 *
 * The cache keeps no keys, only hashes, so sessions of one peer cannot be looked up to be wiped. Each thread wipes those
 * that it stored last: this one now, the others at their next connection. The rest is wiped when its lifetime ends.
 *
 * A session that the application keeps is dropped where it is the option `session` of a connection that can resume. An
 * uncacheable or excluded connection offers it, as plain Node.js does.
 *
 * Open connections stay open, also those that agents keep alive. Sessions of servers stay.
 *
 * @throws `ERR_INVALID_ARG_TYPE`, `ERR_OUT_OF_RANGE` or `ERR_TLS_RESUMPTION_UNKNOWN_OPTION` for a wrong option. A `port`
 * needs a `host`.
 *
 * @example
 * ```ts
 * import { purge } from 'tls-resumption'
 *
 * purge({ host: 'db.example' }) // all ports
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
    const name = canonicalName(host)
    if (port === undefined) purgeName(name)
    else for (const each of [port, UNKNOWN_PORT]) purgeName(withPort(name, each))
  } else if (port === undefined) {
    purgeName(ALL_PEERS)
    clientCache(undefined)?.clear()
  } else {
    throw invalidArgType('"host" option', 'a string, since there is a "port"', host)
  }
  noticePurges()
}

function purgeName(name: string): void {
  if (native.purge(name)) return
  warnOnce(
    'PURGE',
    'purge() could not reach all processes: the path of a cache in a file leads to no file that can be used. The next file ' +
      'that this process opens there is purged. If the process ends before, purge again when the path can be used',
  )
}

/** Rejects what means no host, such as a pattern: purging nothing in silence would mislead its caller. */
function checkHost(host: string | undefined): void {
  checkString('host', host, MAX_NAME)
  if (host === undefined || isPath(host)) return
  if (/[*\0]/.test(host) || (host.includes(':') && !isIPv6(host.replace(/^\[(.*)\]$/, '$1')))) {
    throw outOfRange('"host" option', 'one host, without its port', `'${host}'`)
  }
}
