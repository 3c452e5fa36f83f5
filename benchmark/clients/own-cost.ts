/** What our own code costs in a connection, from a sampling profile: of the client's time, that which is ours. */
import { type Profiler, Session } from 'node:inspector/promises'
import type { ConnectionOptions } from 'node:tls'
import { roundTrip } from '../start/round-trip.ts'
import type { Kind } from './kinds.ts'
import { labelOf } from './kinds.ts'
import { ours } from './modes.ts'
import type { Pki } from './pki.ts'
import type { KindFigures } from './reconnects.ts'
import type { ServerKind } from './server.ts'
import { ServerProcess } from './server-process.ts'
import { type Estimate, estimate, median } from './statistics.ts'

export interface OwnCostFigures {
  kind: string
  /** What becomes of what we offer. */
  peer: string
  connections: number
  /** Microseconds a connection. */
  own: Estimate
  clientCpu: number
  /** Of a full handshake on both ends, as Node alone does it. */
  fullCpu: number
}

/** Seldom enough for the sampling itself to cost little. */
const SAMPLING_INTERVAL_US = 500
const PARTS = 10

const PEERS: Record<string, ServerKind> = {
  resumes: 'plain',
  'hands out sessions and refuses them': 'forgetful',
  'hands out none': 'ticketless',
}

/** Of a connection that resumes, and of those that cannot. */
export async function ownCosts(
  pki: Pki,
  compared: readonly KindFigures[],
  connections: number,
): Promise<OwnCostFigures[]> {
  const wanted = (['TLSv1.3', 'TLSv1.2'] as const).flatMap(version =>
    Object.entries(PEERS).map(([peer, how]) => ({
      kind: { version, algorithm: 'rsa', clientCertificate: true } satisfies Kind,
      peer,
      how,
    })),
  )
  const server = new ServerProcess()
  const ports = await server.listen(
    wanted.map(({ kind, how }) => ({ kind, ca: pki.ca(kind), identity: pki.server(kind), how })),
  )
  const costs: OwnCostFigures[] = []
  for (const [index, { kind, peer, how }] of wanted.entries()) {
    const cost = await ownCost(pki.options(kind, ports[index] as number), connections)
    const { full = 0, resumed = 0 } = (await server.report()).counts[index] ?? {}
    if (how === 'plain' ? full !== 1 : resumed !== 0)
      throw new Error(`${full} full and ${resumed} resumed handshakes with a peer that ${peer}`)
    costs.push({ ...cost, kind: labelOf(kind), peer, connections, fullCpu: fullCpu(compared, labelOf(kind)) })
  }
  server.close()
  return costs
}

function fullCpu(compared: readonly KindFigures[], kind: string): number {
  const alone = compared.find(figures => figures.kind === kind)?.modes[0]
  if (alone === undefined) throw new RangeError(`${kind} was not measured`)
  return alone.clientCpu + alone.serverCpu
}

async function ownCost(
  options: ConnectionOptions,
  connections: number,
): Promise<Pick<OwnCostFigures, 'own' | 'clientCpu'>> {
  const mode = ours()
  const connect = () => roundTrip(() => mode.connect({ ...options }))
  for (let count = 0; count < 100; count++) await connect()

  const session = new Session()
  session.connect()
  await session.post('Profiler.enable')
  await session.post('Profiler.setSamplingInterval', { interval: SAMPLING_INTERVAL_US })
  const size = Math.ceil(connections / PARTS)
  const parts: { own: number; client: number }[] = []
  for (let part = 0; part < PARTS; part++) {
    await session.post('Profiler.start')
    const before = process.cpuUsage()
    for (let count = 0; count < size; count++) await connect()
    const { user, system } = process.cpuUsage(before)
    const { profile } = await session.post('Profiler.stop')
    const client = (user + system) / size
    parts.push({ own: ownShare(profile) * client, client })
  }
  session.disconnect()
  return { own: estimate(parts.map(({ own }) => own)), clientCpu: median(parts.map(({ client }) => client)) }
}

/**
 * Of the samples in which the thread was busy, those in our code and in what it calls, what Node does for `tls.connect`
 * and for a context apart. Samples are counted, since the time between two of them is also that of other processes.
 */
function ownShare({ nodes, samples = [] }: Profiler.Profile): number {
  const parents = new Map<number, Profiler.ProfileNode>()
  const byId = new Map(nodes.map(node => [node.id, node]))
  for (const node of nodes) for (const child of node.children ?? []) parents.set(child, node)

  const known = new Map<number, boolean>()
  const isOwn = (node: Profiler.ProfileNode): boolean => {
    const seen = known.get(node.id)
    if (seen !== undefined) return seen
    const { functionName, url } = node.callFrame
    const parent = parents.get(node.id)
    const own =
      url.includes('/dist/') || (!isNodesPart(functionName, url) && parent !== undefined && isOwn(parent))
    known.set(node.id, own)
    return own
  }
  const busy = samples
    .flatMap(id => byId.get(id) ?? [])
    .filter(({ callFrame }) => !IDLE.has(callFrame.functionName))
  return busy.filter(isOwn).length / busy.length
}

const IDLE = new Set(['(idle)', '(root)'])

/**
 * What whoever connects and resumes has Node do: the connection, its context, handing a session to OpenSSL, telling the
 * peer's certificate, which Node asks the socket for, and starting the handshake, where that waited for another connection.
 */
const NODES_PARTS = new Set([
  'connect',
  'createSecureContext',
  'setSession',
  'getPeerCertificate',
  'getPeerX509Certificate',
  '_start',
])

function isNodesPart(functionName: string, url: string): boolean {
  // Native functions have no URL; methods are told with or without their class.
  const name = functionName.slice(functionName.lastIndexOf('.') + 1)
  return (url === '' || url.startsWith('node:')) && NODES_PARTS.has(name)
}
