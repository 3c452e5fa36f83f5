import { lookup } from 'node:dns/promises'
import net from 'node:net'
import { clearTimeout, setTimeout } from '../util/time.js'
import { explain, Failure, timedOut } from './failures.js'
import { protocolOfPort, type StartTls } from './starttls.js'

/** A peer as named on the command line. */
export interface Peer {
  /** The name for output: `db.example:5432`, `[::1]:443`. */
  readonly name: string
  readonly host: string
  readonly port: number
  readonly startTls: StartTls | undefined
  /** True if `startTls` follows from the port. */
  readonly isGuessed: boolean
}

/** Ports of URLs, and whether TLS begins with the first byte. Without a protocol, it does. */
const SCHEMES: Readonly<Record<string, readonly [port: number, startTls?: StartTls]>> = {
  https: [443],
  wss: [443],
  postgres: [5432, 'postgres'],
  postgresql: [5432, 'postgres'],
  mysql: [3306, 'mysql'],
  mariadb: [3306, 'mysql'],
  rediss: [6379],
  amqps: [5671],
  mqtts: [8883],
  mongodb: [27017],
  nats: [4222],
  smtp: [587, 'smtp'],
  smtps: [465],
  imap: [143, 'imap'],
  imaps: [993],
  pop3: [110, 'pop3'],
  pop3s: [995],
  ftp: [21, 'ftp'],
  ftps: [990],
  ldap: [389, 'ldap'],
  ldaps: [636],
}

/** A host with an optional port. An IPv6 address with a port has brackets. */
const PEER = /^(?:\[([^\]]+)\]|([^:[\]/@\s]+))(?::(\d{1,5}))?$/

/** Parses `HOST[:PORT]`, or a URL. The default port is 443. Returns a sentence that describes the mistake if it is invalid. */
export function parsePeer(text: string, startTls: StartTls | 'none' | undefined): Peer | string {
  if (text.includes('://')) return parseUrl(text, startTls)
  const [, bracketed, plain, digits] = PEER.exec(text) ?? []
  const host = net.isIPv6(text) ? text : (bracketed ?? plain)
  const port = digits === undefined ? 443 : Number(digits)
  if (host === undefined) return `A peer is HOST or HOST:PORT, not '${text}'`
  if (bracketed !== undefined && !net.isIPv6(bracketed))
    return `There is no IPv6 address in the brackets of '${text}'`
  if (port < 1 || port > 65_535) return `A port is from 1 to 65535, not ${port}`
  const usual = protocolOfPort(port)
  return {
    name: `${host.includes(':') ? `[${host}]` : host}:${port}`,
    host,
    port,
    startTls: startTls === 'none' ? undefined : (startTls ?? usual),
    isGuessed: startTls === undefined && usual !== undefined,
  }
}

/** Takes host and port of a URL, and the protocol that its scheme means. */
function parseUrl(text: string, startTls: StartTls | 'none' | undefined): Peer | string {
  const [, scheme = '', rest = ''] = /^([\w+.-]+):\/\/([^/?#]*)/.exec(text) ?? []
  const [usual, protocol] = SCHEMES[scheme.toLowerCase()] ?? []
  if (usual === undefined) {
    return `A URL begins with one of ${Object.keys(SCHEMES).join(', ')}, not with '${scheme}'`
  }
  // What is before the host may be a password, so no message shows it.
  const endpoint = rest.slice(rest.lastIndexOf('@') + 1)
  const hasPort = /:\d+$/.test(endpoint.replace(/^\[[^\]]*\]/, ''))
  return parsePeer(hasPort ? endpoint : `${endpoint}:${usual}`, startTls ?? protocol ?? 'none')
}

/**
 * Returns all addresses of the host, in the order of the resolver.
 * @throws Failure
 */
export async function addressesOf(host: string, timeout: number): Promise<string[]> {
  if (net.isIP(host)) return [host]
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(timedOut('resolving', timeout)), timeout)
  })
  try {
    const found = await Promise.race([lookup(host, { all: true }), late])
    if (found.length === 0) throw new Failure('its name has no address', 'resolving', 'ENODATA')
    return [...new Set(found.map(({ address }) => address))]
  } catch (error) {
    throw explain(error, 'resolving')
  } finally {
    clearTimeout(timer)
  }
}
