/** Measures connections that start at once to a new peer. */
import type { ConnectionOptions } from 'node:tls'
import { inTurns } from '../lib/in-turns.ts'
import type { Pki } from '../lib/pki.ts'
import { type Estimate, estimate, median } from '../lib/statistics.ts'
import { Clients } from './client-process.ts'
import { type Kind, labelOf } from './kinds.ts'
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

/** Names of modes of `client.ts`. */
const MODES = ['tls-resumption, coalesce: false', 'Node alone', 'tls-resumption, burst']

export async function bursts(pki: Pki, rounds: number): Promise<BurstFigures[]> {
  const server = new ServerProcess()
  const clients = new Clients()
  const [port = 0] = await server.listen([
    { kind: KIND, ca: pki.ca(KIND), identity: pki.server(KIND), how: 'plain' as const },
  ])
  const options = pki.options(KIND, port)
  for (const mode of MODES) await burst(server, clients, mode, options)
  const results = await inTurns(MODES, rounds, mode => burst(server, clients, mode, options))
  await clients.close()
  server.close()
  return MODES.map((mode, which) => {
    const of = results[which] as { wall: number; full: number }[]
    return {
      mode: mode.replace(', burst', ''),
      wall: median(of.map(({ wall }) => wall)),
      ratio: estimate(of.map(({ wall }, round) => wall / (results[0]?.[round]?.wall ?? Number.NaN))),
      full: median(of.map(({ full }) => full)),
    }
  })
}

async function burst(
  server: ServerProcess,
  clients: Clients,
  mode: string,
  options: ConnectionOptions,
): Promise<{ wall: number; full: number }> {
  // The counts of the server's process are copies already, because they were messages.
  const before = (await server.report()).counts[0]?.full ?? 0
  const { wall } = await clients.of(mode).round(mode, options, 0, BURST)
  return { wall, full: ((await server.report()).counts[0]?.full ?? 0) - before }
}
