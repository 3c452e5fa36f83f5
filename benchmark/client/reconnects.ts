/** Measures what a reconnect costs on both ends, from the same options, in several ways. */
import type { ConnectionOptions } from 'node:tls'
import { inTurns } from '../lib/in-turns.ts'
import type { Pki } from '../lib/pki.ts'
import { type Estimate, estimate, median } from '../lib/statistics.ts'
import { Clients } from './client-process.ts'
import { kinds, labelOf } from './kinds.ts'
import { ServerProcess } from './server-process.ts'

export interface Plan {
  rounds: number
  /** Connections per round, one after another. */
  inTurn: number
  /** Connections per round, 16 at once. */
  atOnce: number
}

export interface ModeFigures {
  mode: string
  /** Microseconds per connection, medians of the rounds. */
  clientCpu: number
  serverCpu: number
  /** CPU of both ends, as a ratio to plain Node in the same round. */
  ratio: Estimate
  /** The same, as a ratio to Node with its best own cache. */
  ofBest: Estimate
  /** Milliseconds from dialling to the echo, one connection after another. */
  latency: number
  /** With 16 at once. */
  perSecond: number
  fullHandshakes: number
}

export interface KindFigures {
  kind: string
  modes: ModeFigures[]
}

interface Round {
  clientCpu: number
  serverCpu: number
  latency: number
  perSecond: number
  full: number
}

const MODES = [
  'Node alone',
  'Node and a Map of sessions',
  'Node with its best own cache',
  'tls-resumption',
  'tls-resumption, from Buffers',
]

export async function reconnects(pki: Pki, plan: Plan, say: (what: string) => void): Promise<KindFigures[]> {
  const server = new ServerProcess()
  const clients = new Clients()
  const ports = await server.listen(
    kinds.map(kind => ({ kind, ca: pki.ca(kind), identity: pki.server(kind), how: 'plain' as const })),
  )
  const comparisons = kinds.map((kind, index) => ({
    kind: labelOf(kind),
    options: pki.options(kind, ports[index] as number),
    index,
  }))
  // Warms up compiler and sessions: a service that reconnects often has run all of it before.
  for (const comparison of comparisons) {
    say(`${comparison.kind}, to warm up`)
    await compare(server, clients, comparison, { ...plan, rounds: Math.ceil(plan.rounds / 8) })
  }
  const figures: KindFigures[] = []
  for (const comparison of comparisons) {
    say(comparison.kind)
    figures.push({ kind: comparison.kind, modes: await compare(server, clients, comparison, plan) })
  }
  await clients.close()
  server.close()
  return figures
}

interface Comparison {
  kind: string
  options: ConnectionOptions
  /** The index of the server's port. */
  index: number
}

async function compare(
  server: ServerProcess,
  clients: Clients,
  { options, index }: Comparison,
  plan: Plan,
): Promise<ModeFigures[]> {
  const rounds = await inTurns(MODES, plan.rounds, mode => round(server, index, clients, mode, options, plan))
  const [plain, , best] = rounds as [Round[], Round[], Round[]]
  return MODES.map((mode, which) => summarize(mode, rounds[which] as Round[], plain, best))
}

async function round(
  server: ServerProcess,
  index: number,
  clients: Clients,
  mode: string,
  options: ConnectionOptions,
  { inTurn, atOnce }: Plan,
): Promise<Round> {
  const before = await server.report()
  const { cpu, latencies, wall } = await clients.of(mode).round(mode, options, inTurn, atOnce)
  const after = await server.report()
  const connections = inTurn + atOnce
  const handshakes = (report: typeof after) => report.counts[index] ?? { full: 0, resumed: 0 }
  const counted = handshakes(after).full + handshakes(after).resumed
  const expected = handshakes(before).full + handshakes(before).resumed + connections
  if (counted !== expected) throw new Error(`the server counted ${counted} handshakes instead of ${expected}`)
  return {
    clientCpu: cpu / connections,
    serverCpu: (after.cpu - before.cpu) / connections,
    latency: median(latencies),
    perSecond: (1000 * atOnce) / wall,
    full: handshakes(after).full - handshakes(before).full,
  }
}

function summarize(mode: string, rounds: Round[], plain: Round[], best: Round[]): ModeFigures {
  const of = (figure: keyof Round) => median(rounds.map(round => round[figure]))
  const cpu = ({ clientCpu, serverCpu }: Round) => clientCpu + serverCpu
  const ratioTo = (others: Round[]) =>
    estimate(rounds.map((round, index) => cpu(round) / cpu(others[index] as Round)))
  return {
    mode,
    clientCpu: of('clientCpu'),
    serverCpu: of('serverCpu'),
    ratio: ratioTo(plain),
    ofBest: ratioTo(best),
    latency: of('latency'),
    perSecond: of('perSecond'),
    fullHandshakes: rounds.reduce((sum, round) => sum + round.full, 0),
  }
}
