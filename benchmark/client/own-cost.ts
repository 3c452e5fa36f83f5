/**
 * Measures what the code of this package costs in a connection. The cost is the client's CPU time beyond Node with one
 * SecureContext for all connections and, if the peer resumes, a Map of sessions.
 *
 * If the peer does not resume, the caller passes that context in both cases. A context that the package shares
 * between connections would hide the rest of the cost.
 */
import type { ConnectionOptions } from 'node:tls'
import { connect } from 'tls-resumption'
import { inTurns } from '../lib/in-turns.ts'
import type { Pki } from '../lib/pki.ts'
import { type Estimate, estimate, median } from '../lib/statistics.ts'
import { roundTrip } from '../start/round-trip.ts'
import type { Kind } from './kinds.ts'
import { labelOf } from './kinds.ts'
import { full as alone, type Mode, ownCache, ownContexts } from './modes.ts'
import { ours } from './ours.ts'
import type { KindFigures } from './reconnects.ts'
import type { ServerKind } from './server.ts'
import { ServerProcess } from './server-process.ts'

export interface OwnCostFigures {
  kind: string
  /** What the peer does with an offered session. */
  peer: string
  resumes: boolean
  /** Number of compared connections of each mode. */
  triples: number
  /** Microseconds per connection beyond Node by hand. */
  own: Estimate
  /** Of the client, in a connection of this package. */
  clientCpu: number
  /** Of a full handshake on both ends with plain Node. */
  fullCpu: number
}

const PEERS: { peer: string; how: ServerKind }[] = [
  { peer: 'resumes', how: 'plain' },
  { peer: 'issues sessions and rejects them', how: 'forgetful' },
  { peer: 'issues none', how: 'ticketless' },
]

/** Measures connections that resume, and connections that cannot. */
export async function ownCosts(
  pki: Pki,
  compared: readonly KindFigures[],
  triples: number,
): Promise<OwnCostFigures[]> {
  const wanted = (['TLSv1.3', 'TLSv1.2'] as const).flatMap(version =>
    PEERS.map(peer => ({
      kind: { version, algorithm: 'rsa', clientCertificate: true } satisfies Kind,
      ...peer,
    })),
  )
  const server = new ServerProcess()
  const ports = await server.listen(
    wanted.map(({ kind, how }) => ({ kind, ca: pki.ca(kind), identity: pki.server(kind), how })),
  )
  const comparisons = wanted.map(({ kind, how }, index) => {
    // With the default cache, from options that are copied as often as by hand.
    const modes =
      how === 'plain' ? [ownCache(), ours()] : [ownContexts(), ownContexts(options => connect(options))]
    return { modes: [alone, ...modes], options: pki.options(kind, ports[index] as number) }
  })
  // Warms up compiler and sessions: code that ran a hundred times is measured, not the interpreter.
  for (const comparison of comparisons) await compare(comparison, triples)
  const costs: OwnCostFigures[] = []
  for (const [index, { kind, peer, how }] of wanted.entries()) {
    const { own, clientCpu, fullClientCpu } = await compare(comparisons[index] as Comparison, triples)
    const { full = 0, resumed = 0 } = (await server.report()).counts[index] ?? {}
    // Plain Node makes two full handshakes. The first connection by hand and of this package is full too.
    if (how === 'plain' ? full !== 2 * triples + 2 : resumed !== 0)
      throw new Error(`${full} full and ${resumed} resumed handshakes with a peer that ${peer}`)
    const fullCpu = fullClientCpu * bothEnds(compared, labelOf(kind))
    costs.push({ kind: labelOf(kind), peer, resumes: how === 'plain', triples, own, clientCpu, fullCpu })
  }
  server.close()
  return costs
}

interface Comparison {
  /** Plain Node, Node by hand, and this package. */
  modes: Mode[]
  options: ConnectionOptions
}

/**
 * Returns the ratio of both ends to the client in a full handshake. It does not depend on the speed of the machine.
 */
function bothEnds(compared: readonly KindFigures[], kind: string): number {
  const alone = compared.find(figures => figures.kind === kind)?.modes[0]
  if (alone === undefined) throw new RangeError(`${kind} was not measured`)
  return 1 + alone.serverCpu / alone.clientCpu
}

/**
 * Connects in the three modes in turn. A slow phase of the machine concerns all three, and the median of the
 * differences ignores short disturbances.
 */
async function compare({ modes, options }: Comparison, triples: number) {
  const times = await inTurns(modes, triples, mode => clientCpu(mode, options))
  const [full, byHand, own] = times as [number[], number[], number[]]
  return {
    own: estimate(own.map((time, index) => time - (byHand[index] as number))),
    clientCpu: median(own),
    fullClientCpu: median(full),
  }
}

/** Microseconds of this process from dialling to the end of the connection. */
async function clientCpu(mode: Mode, options: ConnectionOptions): Promise<number> {
  const before = process.cpuUsage()
  await roundTrip(() => mode.connect(options))
  const { user, system } = process.cpuUsage(before)
  return user + system
}
