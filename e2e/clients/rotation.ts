/** Clients that reconnect while the ticket keys rotate, with `setTicketKeys()` of plain Node as the yardstick. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Scope } from '../../__test__/support/store.ts'
import type { Relay } from '../drivers/relay.ts'
import type { Client } from './client.ts'
import type { PlaceOptions } from './host.ts'
import { type Host, startHost } from './hosts.ts'
import { fronts, type Kind, kinds, labelOf, type Placement, placements } from './kinds.ts'

/** After how many handshakes the keys rotate. The ring keeps 64 keys, more than the rotations of all runs. */
const HANDSHAKES_PER_ROTATION = 3
/** Runs of the client at the same time, and the connections of each. */
const RUNS = 3
const VISITS = 20

/** The servers that rotate, by placement. `plain` has those of Node alone. */
export type RotatingHosts = Readonly<Record<Placement | 'plain', Host>>

export async function startRotatingHosts(
  scope: Scope,
  identity: PlaceOptions['identity'],
): Promise<RotatingHosts> {
  const rotating = { identity, visits: VISITS, handshakesPerRotation: HANDSHAKES_PER_ROTATION }
  const started = [...placements, 'plain'].map(async name => {
    const isPlain = name === 'plain'
    const placement = isPlain ? '1 thread' : (name as Placement)
    return [name, await startHost(scope, { ...rotating, placement, isPlain })]
  })
  return Object.fromEntries(await Promise.all(started))
}

/** What became of the connections of several runs of one client. */
interface Losses {
  /** Connections other than the first ones of the runs. */
  later: number
  /** Those of them that were full handshakes. */
  lost: number
}

/** Tries all placements. Prints a line for each, and returns how many passed and failed. */
export async function tryRotation(
  client: Client,
  hosts: RotatingHosts,
  relay: Relay,
  ca: string,
  directory: string,
): Promise<{ passed: number; failed: number }> {
  const counts = { passed: 0, failed: 0 }
  for (const kind of kinds) {
    if (kind.mechanism === 'ids' || client.never?.(kind)) continue
    const measure = (host: Host) => lossesOf(client, kind, host, relay, ca, directory)
    const plain = await measure(hosts.plain)
    for (const placement of placements) {
      const { later, lost } = await measure(hosts[placement])
      const isRight = lost === 0 && later === RUNS * (VISITS - 1) && plain.lost > 0
      counts[isRight ? 'passed' : 'failed']++
      process.stdout.write(
        `  ${isRight ? '✔' : '✘'} rotation · ${labelOf(kind)} · ${placement} · lost ${lost} of ${later}, ` +
          `with Node alone ${plain.lost} of ${plain.later}\n`,
      )
    }
  }
  return counts
}

let trials = 0

async function lossesOf(
  client: Client,
  kind: Kind,
  host: Host,
  relay: Relay,
  ca: string,
  directory: string,
): Promise<Losses> {
  const front = 'https'
  const index = fronts.indexOf(front) * kinds.length + kinds.indexOf(kind)
  relay.to(host.ports.map(ports => ports[index] ?? 0))
  const runs = Array.from({ length: RUNS }, () => {
    const own = join(directory, `rotation-${trials++}`)
    mkdirSync(own)
    const target = { port: relay.port, front, kind, visits: VISITS, ca, directory: own } as const
    return client.visit({ ...target, isDone: Promise.resolve() })
  })
  const ended = await Promise.allSettled(runs)
  const wire = await relay.take(10_000)
  for (const run of ended) if (run.status === 'rejected') throw run.reason
  const full = wire.filter(({ resumed }) => !resumed).length
  return { later: wire.length - RUNS, lost: full - RUNS }
}
