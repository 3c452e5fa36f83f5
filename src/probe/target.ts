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

/** A host with an optional port. An IPv6 address with a port has brackets. */
const PEER = /^(?:\[([^\]]+)\]|([^:[\]/@\s]+))(?::(\d{1,5}))?$/

/** Parses `HOST[:PORT]`. The default port is 443. Returns a sentence that describes the mistake if it is invalid. */
export function parsePeer(text: string, startTls: StartTls | 'none' | undefined): Peer | string {
  const [, bracketed, plain, digits] = PEER.exec(text) ?? []
  const host = net.isIPv6(text) ? text : (bracketed ?? plain)
  const port = digits === undefined ? 443 : Number(digits)
  // A URL may contain a password, so the message does not show it.
  if (text.includes('://')) return 'A peer is HOST or HOST:PORT, not a URL'
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
