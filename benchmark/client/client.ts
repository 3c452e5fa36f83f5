/** A process of clients, which measures its own CPU. It loads this package only for the modes of this package. */
import type { ConnectionOptions } from 'node:tls'
import { loadedFiles } from '../lib/loaded.mjs'
import { roundTrip } from '../start/round-trip.ts'
import { full, type Mode, ownCache, ownSessions } from './modes.ts'

export type Arm = 'plain' | 'ours'

export type Request =
  | { mode: string; options: ConnectionOptions; inTurn: number; atOnce: number }
  | { loaded: true }

export interface Round {
  /** Microseconds of CPU of this process. */
  cpu: number
  /** Milliseconds from dialling to the echo, of the connections one after the other. */
  latencies: number[]
  /** Milliseconds until the last of the connections at once has its echo. */
  wall: number
}

/** At a time. */
const AT_ONCE = 16

const modes = new Map<string, Mode>()
const makers = process.argv[2] === 'ours' ? await oursByName() : plainByName()

process.on('message', async (request: Request) => {
  process.send?.('loaded' in request ? loadedFiles() : await round(request))
})
process.on('disconnect', () => process.exit())

function plainByName(): Record<string, () => Mode> {
  return { [full.name]: () => full, [ownSessions.name]: () => ownSessions, [ownCache().name]: ownCache }
}

async function oursByName(): Promise<Record<string, () => Mode>> {
  const { bursting, ours, oursFromBuffers } = await import('./ours.ts')
  return {
    [ours().name]: ours,
    [oursFromBuffers().name]: oursFromBuffers,
    'tls-resumption, burst': () => bursting(true),
    'tls-resumption, coalesce: false': () => bursting(false),
  }
}

/** A mode keeps what it knows, except in bursts, which begin with nothing. */
function modeOf(name: string): Mode {
  const make = makers[name]
  if (make === undefined) throw new RangeError(`no mode "${name}"`)
  const mode = modes.get(name) ?? make()
  if (!/burst|coalesce/.test(name)) modes.set(name, mode)
  return mode
}

async function round({
  mode: name,
  options,
  inTurn,
  atOnce,
}: Extract<Request, { mode: string }>): Promise<Round> {
  const mode = modeOf(name)
  const before = process.cpuUsage()
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
  const wall = performance.now() - started
  const { user, system } = process.cpuUsage(before)
  return { cpu: user + system, latencies, wall }
}
