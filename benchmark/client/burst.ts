/** Measures connections that start at once to a new peer. */
import type { ConnectionOptions } from 'node:tls'
import { connect, SessionCache } from 'tls-resumption'
import { inTurns } from '../lib/in-turns.ts'
import type { Pki } from '../lib/pki.ts'
import { type Estimate, estimate, median } from '../lib/statistics.ts'
import { roundTrip } from '../start/round-trip.ts'
import { type Kind, labelOf } from './kinds.ts'
import { full, type Mode } from './modes.ts'
import { ServerProcess } from './server-process.ts'

export interface BurstFigures {
  mode: string
  /** Milliseconds until the last connection has its echo, median of the rounds. */
  wall: number
  /** Ratio to connections that do not wait for each other, in the same round. */
  ratio: Estimate
  /** Full handshakes per burst, median. */
  full: number
}

export const BURST = 16
const KIND: Kind = { version: 'TLSv1.3', algorithm: 'rsa', clientCertificate: true }
export const BURST_KIND = labelOf(KIND)

/** Each burst has an empty cache of its own. */
function bursting(coalesce: boolean): () => Mode {
  return () => {
    const sessionCache = new SessionCache()
    const name = coalesce ? 'tls-resumption' : 'tls-resumption, coalesce: false'
    return { name, connect: options => connect({ ...options, sessionCache, coalesce }) }
  }
}

export async function bursts(pki: Pki, rounds: number): Promise<BurstFigures[]> {
  const server = new ServerProcess()
  const [port = 0] = await server.listen([
    { kind: KIND, ca: pki.ca(KIND), identity: pki.server(KIND), how: 'plain' as const },
  ])
  const options = pki.options(KIND, port)
  const ways = [bursting(false), () => full, bursting(true)]
  for (const way of ways) await burst(server, way(), options)
  const results = await inTurns(ways, rounds, way => burst(server, way(), options))
  server.close()
  return ways.map((way, which) => {
    const of = results[which] as { wall: number; full: number }[]
    return {
      mode: way().name,
      wall: median(of.map(({ wall }) => wall)),
      ratio: estimate(of.map(({ wall }, round) => wall / (results[0]?.[round]?.wall ?? Number.NaN))),
      full: median(of.map(({ full }) => full)),
    }
  })
}

async function burst(
  server: ServerProcess,
  mode: Mode,
  options: ConnectionOptions,
): Promise<{ wall: number; full: number }> {
  // The counts of the server's process are copies already, because they were messages.
  const before = (await server.report()).counts[0]?.full ?? 0
  const started = performance.now()
  await Promise.all(Array.from({ length: BURST }, () => roundTrip(() => mode.connect(options))))
  const wall = performance.now() - started
  return { wall, full: ((await server.report()).counts[0]?.full ?? 0) - before }
}
