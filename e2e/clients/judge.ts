import type { Handshake } from '../drivers/handshake.ts'
import type { Client, Seen } from './client.ts'
import type { Kind } from './kinds.ts'
import type { Report } from './place.ts'

export type ServerHandshake = Extract<Report, { handshake: object }>['handshake']

/** All that is known of the connections of one client to one placement. */
export interface Evidence {
  /** The handshakes on the wire, in the order of the connections. */
  wire: readonly Handshake[]
  server: readonly ServerHandshake[]
  client: readonly Seen[]
}

/** Visit by visit, `F` for a full handshake and `R` for a resumed one. */
export function inShort({ wire }: Evidence): string {
  return wire.map(({ resumed }) => (resumed ? 'R' : 'F')).join(' ')
}

/** Returns the problem of a trial, or undefined. */
export function fault(client: Client, kind: Kind, evidence: Evidence): string | undefined {
  const { wire, server, client: seen } = evidence
  const resumed = wire.filter(handshake => handshake.resumed).length
  const odd = wire.find(({ protocol }) => protocol !== kind.protocol)
  if (wire.length < 2) return `there were ${wire.length} connections`
  if (odd) return `a connection was of ${odd.protocol}`
  const counts = { server: resumedOf(server), client: seen.some(knows) ? resumedOf(seen) : resumed }
  for (const [who, count] of Object.entries(counts)) {
    if (count !== resumed)
      return `the ${who} counted ${count} resumed connections, on the wire were ${resumed}`
  }
  if (client.never?.(kind)) return resumed === 0 ? undefined : 'it resumed, though it never does'
  const late = wire.findIndex(handshake => handshake.resumed)
  if (late < 1 || late > (client.atOnce ?? 1)) return 'it did not resume when it came again'
  if (!wire.slice(late).every(handshake => handshake.resumed))
    return 'a later connection was a full handshake'
  return differing(kind, evidence)
}

/** Chain, protocol and name are those of the full handshake, if the client reports them. */
function differing({ protocol }: Kind, { server, client }: Evidence): string | undefined {
  const told = {
    'the certificates that the client sees': client.flatMap(({ chain }) =>
      chain ? [leafOrAll(client, chain)] : [],
    ),
    'the ALPN that the client sees': client.flatMap(({ alpn }) => alpn ?? []),
    'the ALPN that the server sees': server.map(({ alpn }) => alpn),
    // Node does not report it for a resumed connection of TLS 1.2, with this package or without.
    'the name that the server sees': server
      .filter(({ resumed, servername }) => protocol === 'TLSv1.3' || !resumed || servername !== null)
      .map(({ servername }) => servername),
  }
  for (const [what, values] of Object.entries(told)) {
    const all = new Set(values)
    if (all.size > 1) return `${what} changed: ${[...all].join(', then ')}`
  }
  return undefined
}

/** A client that keeps only the leaf has to see the same leaf. */
function leafOrAll(seen: readonly Seen[], chain: readonly string[]): string {
  const shortest = Math.min(...seen.flatMap(({ chain: each }) => each?.length ?? []))
  return chain.slice(0, shortest).join()
}

function knows({ resumed }: Seen): boolean {
  return resumed !== undefined
}

function resumedOf(connections: readonly { resumed?: boolean }[]): number {
  return connections.filter(({ resumed }) => resumed).length
}
