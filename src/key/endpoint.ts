/**
 * Says where a connection goes, from its options and from the socket that it was given. The session key, the rollout,
 * purges and peer labels all use it, so that each means the same peer by the same name.
 */
import { isIPv4, isIPv6, Socket } from 'node:net'
import tls from 'node:tls'
import { domainToASCII, URL } from 'node:url'
import { hostOfSocket } from '../node/tls-internals.js'
import { LruMap } from '../util/lru-map.js'
import { hostnameOf } from './options.js'

/** The remote end of a connection, in canonical spelling. */
export interface Endpoint {
  /** Separates it from all other endpoints: how it is reached, then where it is. The label is made of it. */
  readonly address: readonly string[]
  /** Every name that means it: host, path, name to verify, and address of a given socket. */
  readonly names: readonly string[]
  /** Its ports: the one in the options, and that of a given socket. Empty if neither is known. */
  readonly ports: readonly string[]
  /** True if its address is not known, and the options do not name it either. */
  readonly isAnonymous: boolean
}

type Options = Pick<tls.ConnectionOptions, 'host' | 'path' | 'port' | 'servername' | 'socket'>

/**
 * Returns the endpoint of a connection with these options. That of a given socket is complete once it is connected.
 */
export function readEndpoint(options: Options): Endpoint {
  const { host, path, servername, socket } = options
  const { remoteAddress, remotePort } = (socket ?? {}) as Partial<Socket>
  const given = [path, host, hostnameOf(options), hostOfSocket(socket), remoteAddress]
  const port = canonicalPort(options.port)
  return {
    address: readAddress(options, port),
    names: [...new Set(given.filter(Boolean).map(name => canonicalName(String(name))))],
    ports: [...new Set([port, canonicalPort(remotePort)].filter(known => known !== ''))],
    isAnonymous: socket !== undefined && !remoteAddress && !host && !servername,
  }
}

/** Returns all that {@link readEndpoint} reads of a given socket. Undefined if there is none. */
export function readTransport(socket: Options['socket']): readonly unknown[] | undefined {
  if (!socket) return undefined
  const { remoteAddress, remotePort } = socket as Socket
  return [remoteAddress, remotePort, hostOfSocket(socket), describeSocket(socket)]
}

function readAddress({ host, path, socket }: Options, port: string): string[] {
  if (!socket) {
    return path ? ['unix', String(path)] : ['tcp', canonicalName(String(host ?? 'localhost')), port]
  }
  const { remoteAddress, remotePort } = socket as Socket
  // A connected unix socket and other streams have none.
  const transport = remoteAddress ? [canonicalName(remoteAddress), canonicalPort(remotePort)] : ['?']
  return [describeSocket(socket), ...transport, host ? canonicalName(String(host)) : '', port]
}

/** Names the kind of a given socket, so that a proxy's own connection and one inside it never agree. */
function describeSocket(socket: unknown): string {
  // @guard endpoint › key-endpoints › the leg to a proxy* ⇒ `return 'over-tls'` becomes `return 'over-tcp'`
  if (socket instanceof tls.TLSSocket) return 'over-tls'
  return socket instanceof Socket ? 'over-tcp' : 'over-stream'
}

/** Returns the readable form of an endpoint, `tcp:db.example:5432`, at the beginning of a session key. */
export function formatPeerLabel({ address }: Endpoint): string {
  return address.join(':').slice(0, 200)
}

const PLAIN_NAME = /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/
const IDN = /^(?=.*[^\0-\x7f])[^\s%/:?#@[\]\\]*$/
const canonicalNames = new LruMap<string, string>(1000)

/**
 * Returns the canonical spelling of a host name or address: lower case and ASCII, without a final dot or the brackets of a
 * URL. IPv6 has no superfluous zeros, and an IPv4-mapped address becomes IPv4. Paths are not changed.
 */
export function canonicalName(name: string): string {
  if (PLAIN_NAME.test(name) || isPath(name)) return name
  let canonical = canonicalNames.get(name)
  if (canonical === undefined) {
    canonical = name.length > MAX_NAME ? name : canonicalHost(name)
    canonicalNames.set(name, canonical)
  }
  return canonical
}

/** The longest name that Node connects to is shorter. */
export const MAX_NAME = 1024

/** True for the path of a unix socket or a named pipe: no host name has a slash or a backslash. */
export function isPath(name: string): boolean {
  return name.includes('/') || name.includes('\\')
}

function canonicalHost(host: string): string {
  const address = host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host
  if (isIPv6(address)) return canonicalIpv6(address)
  const name = withoutFinalDots(host)
  const lower = name.toLowerCase()
  if (!IDN.test(name)) return lower
  // Node looks names up in this form, too. It fails on what has no such form, so that may stay as it is.
  return withoutFinalDots(domainToASCII(name) || domainToASCII(lower) || lower)
}

function withoutFinalDots(name: string): string {
  return name.replace(/(?<=[^.])\.+$/, '')
}

function canonicalIpv6(address: string): string {
  const [unzoned = '', zone] = address.split('%', 2)
  const canonical = new URL(`http://[${unzoned}]`).hostname.slice(1, -1)
  if (zone !== undefined) return `${canonical}%${zone}`
  const [, high, low] = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(canonical) ?? []
  if (high === undefined || low === undefined) return canonical
  const bytes = [high, low].flatMap(group => [
    Number.parseInt(group, 16) >> 8,
    Number.parseInt(group, 16) & 255,
  ])
  const mapped = bytes.join('.')
  return isIPv4(mapped) ? mapped : canonical
}

function canonicalPort(port: unknown): string {
  if (port === undefined || port === null) return ''
  const number = Number(port)
  return Number.isInteger(number) ? String(number) : String(port)
}
