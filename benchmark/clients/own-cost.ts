/** What our own code costs in a connection, from a sampling profile: of the client's time, that which is ours. */
import { type Profiler, Session } from 'node:inspector/promises'
import type { ConnectionOptions } from 'node:tls'
import { roundTrip } from '../start/round-trip.ts'
import { ours } from './modes.ts'

export interface OwnCost {
  connections: number
  /** Microseconds a connection. */
  ownCpu: number
  clientCpu: number
}

/** Seldom enough for the sampling itself to cost little. */
const SAMPLING_INTERVAL_US = 500

export async function ownCost(options: ConnectionOptions, connections: number): Promise<OwnCost> {
  const mode = ours()
  const connect = () => roundTrip(() => mode.connect(options))
  for (let count = 0; count < 100; count++) await connect()

  const session = new Session()
  session.connect()
  await session.post('Profiler.enable')
  await session.post('Profiler.setSamplingInterval', { interval: SAMPLING_INTERVAL_US })
  await session.post('Profiler.start')
  const before = process.cpuUsage()
  for (let count = 0; count < connections; count++) await connect()
  const { user, system } = process.cpuUsage(before)
  const { profile } = await session.post('Profiler.stop')
  session.disconnect()
  return { connections, ownCpu: ownTime(profile) / connections, clientCpu: (user + system) / connections }
}

/** Microseconds in our code and in what it calls, what Node does for `tls.connect` and for a context apart. */
function ownTime({ nodes, samples = [], timeDeltas = [] }: Profiler.Profile): number {
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
  return samples.reduce((sum, id, index) => {
    const node = byId.get(id)
    return node !== undefined && isOwn(node) ? sum + (timeDeltas[index] ?? 0) : sum
  }, 0)
}

/** What whoever connects and resumes has Node do: the connection, its context, and handing a session to OpenSSL. */
const NODES_PARTS = new Set(['connect', 'createSecureContext', 'setSession'])

function isNodesPart(functionName: string, url: string): boolean {
  // Native functions have no URL.
  return (url === '' || url.startsWith('node:')) && NODES_PARTS.has(functionName)
}
