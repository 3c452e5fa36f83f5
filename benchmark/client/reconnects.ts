/** Measures what a reconnect costs on both ends, from the same options, in several ways. */
import type { ConnectionOptions } from 'node:tls'
import { inTurns } from '../lib/in-turns.ts'
import type { Pki } from '../lib/pki.ts'
import { type Estimate, estimate, median } from '../lib/statistics.ts'
import { roundTrip } from '../start/round-trip.ts'
import { kinds, labelOf } from './kinds.ts'
import { full, type Mode, ours, oursFromBuffers, ownCache, ownSessions } from './modes.ts'
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

const AT_ONCE = 16

export async function reconnects(pki: Pki, plan: Plan, say: (what: string) => void): Promise<KindFigures[]> {
  const server = new ServerProcess()
  const ports = await server.listen(
    kinds.map(kind => ({ kind, ca: pki.ca(kind), identity: pki.server(kind), how: 'plain' as const })),
  )
  const comparisons = kinds.map((kind, index) => ({
    kind: labelOf(kind),
    modes: [full, ownSessions, ownCache(), ours(), oursFromBuffers()] as const,
    options: pki.options(kind, ports[index] as number),
    index,
  }))
  // Warms up compiler and sessions: a service that reconnects often has run all of it before.
  for (const comparison of comparisons) {
    say(`${comparison.kind}, to warm up`)
    await compare(server, comparison, { ...plan, rounds: Math.ceil(plan.rounds / 8) })
  }
  const figures: KindFigures[] = []
  for (const comparison of comparisons) {
    say(comparison.kind)
    figures.push({ kind: comparison.kind, modes: await compare(server, comparison, plan) })
  }
  server.close()
  return figures
}

interface Comparison {
  kind: string
  /** Plain Node, two ways by hand of which the last is the best, and this package, from texts and from Buffers. */
  modes: readonly [Mode, Mode, Mode, Mode, Mode]
  options: ConnectionOptions
  /** The index of the server's port. */
  index: number
}

async function compare(
  server: ServerProcess,
  { modes, options, index }: Comparison,
  plan: Plan,
): Promise<ModeFigures[]> {
  const rounds = await inTurns(modes, plan.rounds, mode => round(server, index, mode, options, plan))
  const [plain, , best] = rounds as [Round[], Round[], Round[]]
  return modes.map((mode, which) => summarize(mode, rounds[which] as Round[], plain, best))
}

async function round(
  server: ServerProcess,
  index: number,
  mode: Mode,
  options: ConnectionOptions,
  { inTurn, atOnce }: Plan,
): Promise<Round> {
  const before = { client: process.cpuUsage(), server: await server.report() }
  const latencies: number[] = []
  for (let count = 0; count < inTurn; count++) {
    latencies.push((await roundTrip(() => mode.connect(options))).latency)
  }
  const started = performance.now()
  let left = atOnce
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (left-- > 0) await roundTrip(() => mode.connect(options))
    }),
  )
  const seconds = (performance.now() - started) / 1000
  const after = { client: process.cpuUsage(before.client), server: await server.report() }
  const connections = inTurn + atOnce
  const handshakes = (report: typeof after.server) => report.counts[index] ?? { full: 0, resumed: 0 }
  const counted = handshakes(after.server).full + handshakes(after.server).resumed
  const expected = handshakes(before.server).full + handshakes(before.server).resumed + connections
  if (counted !== expected) throw new Error(`the server counted ${counted} handshakes instead of ${expected}`)
  return {
    clientCpu: (after.client.user + after.client.system) / connections,
    serverCpu: (after.server.cpu - before.server.cpu) / connections,
    latency: median(latencies),
    perSecond: atOnce / seconds,
    full: handshakes(after.server).full - handshakes(before.server).full,
  }
}

function summarize(mode: Mode, rounds: Round[], plain: Round[], best: Round[]): ModeFigures {
  const of = (figure: keyof Round) => median(rounds.map(round => round[figure]))
  const cpu = ({ clientCpu, serverCpu }: Round) => clientCpu + serverCpu
  const ratioTo = (others: Round[]) =>
    estimate(rounds.map((round, index) => cpu(round) / cpu(others[index] as Round)))
  return {
    mode: mode.name,
    clientCpu: of('clientCpu'),
    serverCpu: of('serverCpu'),
    ratio: ratioTo(plain),
    ofBest: ratioTo(best),
    latency: of('latency'),
    perSecond: of('perSecond'),
    fullHandshakes: rounds.reduce((sum, round) => sum + round.full, 0),
  }
}
