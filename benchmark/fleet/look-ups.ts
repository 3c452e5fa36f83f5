import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { Redis } from 'ioredis'
import { createClient } from 'redis'
import { SessionCache } from 'tls-resumption'
import { RedisTier } from 'tls-resumption/redis'
import { startStore } from '../../__test__/support/store.ts'
import type { Progress } from '../lib/progress.ts'
import type { ResultTable } from '../lib/result.ts'
import { type Estimate, estimate, median } from '../lib/statistics.ts'

/** Look-ups per batch. */
const SESSIONS = 64
const BLOB_LENGTH = 1024

export interface Effort {
  rounds: number
  /** Look-ups one after the other, per round. */
  sequential: number
  /** Batches of look-ups at once, per round. */
  batches: number
}

interface LookUps {
  what: string
  /** Microseconds until the answer, one look-up after the other. */
  latency: Estimate
  /** Microseconds of CPU of this process per look-up, in batches. */
  cpu: Estimate
  /** Look-ups per second, in batches. */
  perSecond: number
}

type LookUp = (name: string) => unknown

/** Measures look-ups through the tier, by the clients and in the memory of the process, in interleaved rounds. */
export async function measureLookUps(effort: Effort, progress: Progress): Promise<LookUps[]> {
  const ends: (() => unknown)[] = []
  try {
    progress.phase('starting a store')
    const names = Array.from({ length: SESSIONS }, (_, index) => `peer ${index}`)
    const ways = await waysToLookUp(names, ends)
    progress.phase('look-ups')
    const seen = Object.keys(ways).map(() => ({
      latency: [] as number[],
      cpu: [] as number[],
      wall: [] as number[],
    }))
    // The first round warms up.
    for (let round = -1; round < effort.rounds; round++) {
      progress.update(`${round + 1} of ${effort.rounds}`)
      for (const [index, lookUp] of Object.values(ways).entries()) {
        const latency = await oneByOne(names, lookUp, effort.sequential)
        const { cpu, wall } = await atOnce(names, lookUp, effort.batches)
        if (round < 0) continue
        seen[index]?.latency.push(latency)
        seen[index]?.cpu.push(cpu)
        seen[index]?.wall.push(wall)
      }
    }
    return Object.keys(ways).map((what, index) => {
      const { latency = [], cpu = [], wall = [] } = seen[index] ?? {}
      return { what, latency: estimate(latency), cpu: estimate(cpu), perSecond: 1e6 / median(wall) }
    })
  } finally {
    for (const end of ends.reverse()) await end()
  }
}

async function waysToLookUp(
  names: readonly string[],
  ends: (() => unknown)[],
): Promise<Record<string, LookUp>> {
  const store = await startStore({ teardown: end => ends.push(end) })
  const ioredis = new Redis(store.port, '127.0.0.1')
  const nodeRedis = createClient({ socket: { host: '127.0.0.1', port: store.port } })
  await Promise.all([once(ioredis, 'ready'), nodeRedis.connect()])
  ends.push(
    () => ioredis.disconnect(),
    () => nodeRedis.destroy(),
  )
  const keys = [randomBytes(32)]
  const blob = randomBytes(BLOB_LENGTH)
  const cache = new SessionCache()
  const first = new RedisTier({ client: ioredis, keys, timeout: 10_000 })
  const second = new RedisTier({ client: nodeRedis, keys, timeout: 10_000 })
  for (const name of names) {
    cache.set(name, blob)
    await Promise.all([first.set(name, blob), ioredis.set(name, blob)])
  }
  return {
    'ioredis: GET by the client': name => ioredis.getBuffer(name),
    'ioredis: through the tier, found': name => first.get(name),
    'ioredis: through the tier, not found': name => first.get(`no ${name}`),
    'redis: GET by the client': name => nodeRedis.get(name),
    'redis: through the tier, found': name => second.get(name),
    'redis: through the tier, not found': name => second.get(`no ${name}`),
    'in the memory of the process': name => cache.get(name),
  }
}

/** Returns the median of microseconds until the answer. */
async function oneByOne(names: readonly string[], lookUp: LookUp, count: number): Promise<number> {
  const took: number[] = []
  for (let n = 0; n < count; n++) {
    const began = performance.now()
    await lookUp(names[n % names.length] ?? '')
    took.push((performance.now() - began) * 1000)
  }
  return median(took)
}

/** Returns microseconds of CPU and of time per look-up. */
async function atOnce(names: readonly string[], lookUp: LookUp, batches: number) {
  const [cpu, began] = [process.cpuUsage(), performance.now()]
  for (let n = 0; n < batches; n++) await Promise.all(names.map(lookUp))
  const { user, system } = process.cpuUsage(cpu)
  const lookUps = batches * names.length
  return { cpu: (user + system) / lookUps, wall: ((performance.now() - began) * 1000) / lookUps }
}

export function lookUpTable(
  figures: readonly LookUps[],
  { rounds, sequential, batches }: Effort,
): ResultTable {
  return {
    id: 'look-ups',
    title: 'A look-up of a session of 1 KB',
    columns: [
      { title: 'look-up' },
      { title: 'until the answer', unit: 'µs', digits: 1 },
      { title: `CPU, ${SESSIONS} at once`, unit: 'µs', digits: 1 },
      { title: `a second, ${SESSIONS} at once`, digits: 0 },
    ],
    rows: figures.map(({ what, latency, cpu, perSecond }) => [what, latency, cpu, perSecond]),
    samples: `${rounds} interleaved rounds of ${sequential} look-ups one by one and ${batches} times ${SESSIONS} at once`,
    remark: `Redis is on the same machine, so *until the answer* is without a network. A handshake waits for it, but not
longer than \`timeout\`. The tier adds an HMAC for the name, and AES-256-GCM with a key by HKDF, to the client's own GET.`,
    chart: { x: 'look-up', y: 'until the answer', logarithmic: true },
  }
}
