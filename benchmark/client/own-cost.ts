/**
 * What our own code costs in a connection: the client's CPU time beyond that of Node with one SecureContext for all
 * connections and, where the peer resumes, with a Map of sessions. Where it does not, the caller brings that context in
 * both cases: ours, which all connections share, would hide what the rest costs.
 */
import type { ConnectionOptions } from 'node:tls'
import { connect } from 'tls-resumption'
import { inTurns } from '../lib/in-turns.ts'
import type { Pki } from '../lib/pki.ts'
import { type Estimate, estimate, median } from '../lib/statistics.ts'
import { roundTrip } from '../start/round-trip.ts'
import type { Kind } from './kinds.ts'
import { labelOf } from './kinds.ts'
import { full as alone, type Mode, ours, ownCache, ownContexts } from './modes.ts'
import type { KindFigures } from './reconnects.ts'
import type { ServerKind } from './server.ts'
import { ServerProcess } from './server-process.ts'

export interface OwnCostFigures {
  kind: string
  /** What becomes of what we offer. */
  peer: string
  isLeftAlone: boolean
  /** How many of each mode were compared, one by one. */
  triples: number
  /** Microseconds a connection beyond Node by hand. */
  own: Estimate
  /** The client's, in one of ours. */
  clientCpu: number
  /** Of a full handshake on both ends, as Node alone does it. */
  fullCpu: number
}

interface Peer {
  peer: string
  how: ServerKind
  /** Not left alone: as the first twenty connections, and then one a second. */
  isSeenTo: boolean
}

const PEERS: Peer[] = [
  { peer: 'resumes', how: 'plain', isSeenTo: true },
  { peer: 'hands out sessions and refuses them', how: 'forgetful', isSeenTo: false },
  { peer: 'hands out none', how: 'ticketless', isSeenTo: false },
  { peer: 'refuses them, and the connection is seen to', how: 'forgetful', isSeenTo: true },
  { peer: 'hands out none, and it is seen to', how: 'ticketless', isSeenTo: true },
]

/** Of a connection that resumes, and of those that cannot. */
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
  const comparisons = wanted.map(({ kind, how, isSeenTo }, index) => {
    const modes = how === 'plain' ? [ownCache(), ours()] : [ownContexts(), withOwnContexts(isSeenTo)]
    return { modes: [alone, ...modes], options: pki.options(kind, ports[index] as number) }
  })
  // For the compiler, and for the first sessions: who measures what has run a hundred times measures the interpreter.
  for (const comparison of comparisons) await compare(comparison, triples)
  const costs: OwnCostFigures[] = []
  for (const [index, { kind, peer, how, isSeenTo }] of wanted.entries()) {
    const { own, clientCpu, fullClientCpu } = await compare(comparisons[index] as Comparison, triples)
    const { full = 0, resumed = 0 } = (await server.report()).counts[index] ?? {}
    // Node's alone are full both times, and the first by hand and of ours.
    if (how === 'plain' ? full !== 2 * triples + 2 : resumed !== 0)
      throw new Error(`${full} full and ${resumed} resumed handshakes with a peer that ${peer}`)
    const fullCpu = fullClientCpu * bothEnds(compared, labelOf(kind))
    costs.push({ kind: labelOf(kind), peer, isLeftAlone: !isSeenTo, triples, own, clientCpu, fullCpu })
  }
  server.close()
  return costs
}

/** Ours, from options that are copied as often as by hand: with the cache that is used where none is given. */
function withOwnContexts(isSeenTo: boolean): Mode {
  const mode = ownContexts(options => connect(options))
  return isSeenTo ? { ...mode, connect: options => secondsLater(() => mode.connect(options)) } : mode
}

const { now } = Date
let secondsAhead = 0

/** Runs it with the clock put forward, further each time: nothing has been seen to within the last second. */
function secondsLater<T>(run: () => T): T {
  secondsAhead += 2
  Date.now = () => now() + 1000 * secondsAhead
  try {
    return run()
  } finally {
    Date.now = now
  }
}

interface Comparison {
  /** Node alone, Node by hand, and ours. */
  modes: Mode[]
  options: ConnectionOptions
}

/** How much more than the client alone both ends take in a full handshake; a ratio is the same however fast the machine is. */
function bothEnds(compared: readonly KindFigures[], kind: string): number {
  const alone = compared.find(figures => figures.kind === kind)?.modes[0]
  if (alone === undefined) throw new RangeError(`${kind} was not measured`)
  return 1 + alone.serverCpu / alone.clientCpu
}

/**
 * Connections of the three modes in turn: what slows the machine down for longer than a connection concerns all three,
 * and the median of the differences leaves out what comes between two.
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
