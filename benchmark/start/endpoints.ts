import type { SecureVersion } from 'node:tls'

export interface Kind {
  label: string
  version: SecureVersion
  /** The server asks for a client certificate and rejects connections without a valid one. */
  clientCertificate: boolean
}

/** Each protocol version with each mechanism. A client certificate makes a full handshake more expensive. */
export const kinds: readonly Kind[] = [
  { label: 'TLS 1.2, ids', version: 'TLSv1.2', clientCertificate: false },
  { label: 'TLS 1.2, ids, client certificate', version: 'TLSv1.2', clientCertificate: true },
  { label: 'TLS 1.3, tickets', version: 'TLSv1.3', clientCertificate: false },
  { label: 'TLS 1.3, tickets, client certificate', version: 'TLSv1.3', clientCertificate: true },
]

/** A server to connect to. Each has its own port, so a client sees separate peers. */
export interface Endpoint {
  id: number
  /** An index of {@link kinds}. */
  kind: number
}

export interface ListeningEndpoint extends Endpoint {
  port: number
}

/** Two of each kind. */
export const endpoints: readonly Endpoint[] = Array.from({ length: 2 * kinds.length }, (_, id) => ({
  id,
  kind: id % kinds.length,
}))

export function kindOf({ kind }: Endpoint): Kind {
  const found = kinds[kind]
  if (found === undefined) throw new RangeError(`no kind ${kind}`)
  return found
}

/** The handshakes of one endpoint that one side counted. */
export interface Tally {
  full: number
  resumed: number
}

/** One {@link Tally} for each of {@link endpoints}, at the endpoint's id. */
export type Tallies = Tally[]

export function emptyTallies(): Tallies {
  return endpoints.map(() => ({ full: 0, resumed: 0 }))
}

export function count(tallies: Tallies, { id }: Endpoint, resumed: boolean): void {
  const tally = tallies[id]
  if (tally === undefined) throw new RangeError(`no endpoint ${id}`)
  if (resumed) tally.resumed++
  else tally.full++
}

/** Adds up the tallies of several threads, endpoint by endpoint. */
export function sum(all: readonly Tallies[]): Tallies {
  return endpoints.map(({ id }) => ({
    full: all.reduce((total, tallies) => total + (tallies[id]?.full ?? 0), 0),
    resumed: all.reduce((total, tallies) => total + (tallies[id]?.resumed ?? 0), 0),
  }))
}

/** Adds up the endpoints of one kind, or all. */
export function total(tallies: Tallies, kind?: number): Tally {
  const chosen = endpoints.filter(endpoint => kind === undefined || endpoint.kind === kind)
  return {
    full: chosen.reduce((full, { id }) => full + (tallies[id]?.full ?? 0), 0),
    resumed: chosen.reduce((resumed, { id }) => resumed + (tallies[id]?.resumed ?? 0), 0),
  }
}
