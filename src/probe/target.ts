import { lookup } from 'node:dns/promises'
import net from 'node:net'
import { clearTimeout, setTimeout } from '../util/time.js'
import { explain, Failure, tooLate } from './failures.js'
import { type StartTls, usualAt } from './starttls.js'

/** Whom to probe, as the command line names it. */
export interface Peer {
  /** As it is shown: `db.example:5432`, `[::1]:443`. */
  readonly name: string
  readonly host: string
  readonly port: number
  readonly startTls: StartTls | undefined
  /** Whether that follows from the port alone. */
  readonly isGuessed: boolean
}

/** A name with or without its port, where IPv6 addresses with a port have brackets. */
const FORM = /^(?:\[([^\]]+)\]|([^:[\]/@\s]+))(?::(\d{1,5}))?$/

/**
 * Reads `HOST[:PORT]`; the port is 443 where it is left out.
 * @returns what is wrong with it otherwise, as a sentence.
 */
export function parsePeer(text: string, startTls: StartTls | 'none' | undefined): Peer | string {
  const [, bracketed, plain, digits] = FORM.exec(text) ?? []
  const host = net.isIPv6(text) ? text : (bracketed ?? plain)
  const port = digits === undefined ? 443 : Number(digits)
  // What looks like a URL may have a password in it: it is not shown.
  if (text.includes('://')) return 'A peer is HOST or HOST:PORT, not a URL'
  if (host === undefined) return `A peer is HOST or HOST:PORT, not '${text}'`
  if (bracketed !== undefined && !net.isIPv6(bracketed))
    return `There is no IPv6 address in the brackets of '${text}'`
  if (port < 1 || port > 65_535) return `A port is from 1 to 65535, not ${port}`
  const usual = usualAt(port)
  return {
    name: `${host.includes(':') ? `[${host}]` : host}:${port}`,
    host,
    port,
    startTls: startTls === 'none' ? undefined : (startTls ?? usual),
    isGuessed: startTls === undefined && usual !== undefined,
  }
}

/**
 * All addresses of the peer, in the resolver's order.
 * @throws Failure
 */
export async function addressesOf(host: string, timeout: number): Promise<string[]> {
  if (net.isIP(host)) return [host]
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(tooLate('resolving', timeout)), timeout)
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
