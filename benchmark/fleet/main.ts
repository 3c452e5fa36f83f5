/**
 * `npm run bench:redis [-- --quick --record --json FILE --rounds N]`: what a look-up through Redis costs, beside the
 * client's own GET and the memory of the process. Starts a server of its own, so `redis-server` has to be installed.
 */
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { Redis } from 'ioredis'
import { createClient } from 'redis'
import { SessionCache } from 'tls-resumption'
import { RedisTier } from 'tls-resumption/redis'
import { program, startStore } from '../../__test__/support/store.ts'
import { benchmarkOptions } from '../lib/options.ts'
import { createProgress } from '../lib/progress.ts'
import { report } from '../lib/record.ts'
import type { ResultTable } from '../lib/result.ts'
import { type Estimate, estimate, median } from '../lib/statistics.ts'

const { quick, rounds, command, output } = benchmarkOptions('redis', { quick: 5, full: 20 })
if (program === undefined) throw new Error('redis-server or valkey-server has to be installed')

const SESSIONS = 64
const ALONE = quick ? 100 : 300
const TOGETHER = quick ? 15 : 40
const BLOB = 1024

interface Figures {
  what: string
  /** Microseconds until the answer, one look-up after the other. */
  alone: Estimate
  /** Microseconds of this process's CPU for a look-up, 64 at once. */
  cpu: Estimate
  /** Look-ups a second, 64 at once. */
  perSecond: number
}

const progress = createProgress()
const ends: (() => unknown)[] = []
try {
  const figures = await measure()
  progress.stop()
  report(
    {
      name: 'redis',
      command,
      tables: [tableOf(figures)],
      targets: [],
      versions: {
        ...versionOfStore(),
        ioredis: versionOf('ioredis'),
        'the package redis': versionOf('redis'),
      },
    },
    output,
  )
} finally {
  progress.stop()
  for (const end of ends.reverse()) await end()
}

function tableOf(figures: readonly Figures[]): ResultTable {
  return {
    id: 'look-ups',
    title: 'A look-up of a session of 1 KB',
    columns: [
      { title: 'look-up' },
      { title: 'until the answer', unit: 'µs', digits: 1 },
      { title: `CPU, ${SESSIONS} at once`, unit: 'µs', digits: 1 },
      { title: `a second, ${SESSIONS} at once`, digits: 0 },
    ],
    rows: figures.map(({ what, alone, cpu, perSecond }) => [what, alone, cpu, perSecond]),
    samples: `${rounds} interleaved rounds of ${ALONE} look-ups one by one and ${TOGETHER} times ${SESSIONS} at once`,
    remark: `Redis is on the same machine, so *until the answer* is without a network. A handshake waits for it, and for no
longer than \`timeout\`. The tier's part over the client's own GET is a name by HMAC, and AES-256-GCM with a key by HKDF.`,
    chart: { x: 'look-up', y: 'until the answer', logarithmic: true },
  }
}

async function measure(): Promise<Figures[]> {
  progress.phase('starting a store')
  const store = await startStore({ teardown: end => ends.push(end) })
  const ioredis = new Redis(store.port, '127.0.0.1')
  const nodeRedis = createClient({ socket: { host: '127.0.0.1', port: store.port } })
  await Promise.all([once(ioredis, 'ready'), nodeRedis.connect()])
  ends.push(
    () => ioredis.disconnect(),
    () => nodeRedis.destroy(),
  )
  const keys = [randomBytes(32)]
  const blob = randomBytes(BLOB)
  const names = Array.from({ length: SESSIONS }, (_, index) => `peer ${index}`)
  const cache = new SessionCache()
  const [first, second] = [ioredis, nodeRedis].map(client => new RedisTier({ client, keys, timeout: 10_000 }))
  if (!first || !second) throw new Error('no tier')
  for (const name of names) {
    cache.set(name, blob)
    await Promise.all([first.set(name, blob), ioredis.set(name, blob)])
  }
  const kinds: [string, (name: string) => unknown][] = [
    ['ioredis: GET by the client alone', name => ioredis.getBuffer(name)],
    ['ioredis: through the tier, found', name => first.get(name)],
    ['ioredis: through the tier, not found', name => first.get(`no ${name}`)],
    ['redis: GET by the client alone', name => nodeRedis.get(name)],
    ['redis: through the tier, found', name => second.get(name)],
    ['redis: through the tier, not found', name => second.get(`no ${name}`)],
    ['in the memory of the process', name => cache.get(name)],
  ]
  const seen = kinds.map(() => ({ alone: [] as number[], cpu: [] as number[], wall: [] as number[] }))
  progress.phase('look-ups')
  for (let round = -1; round < rounds; round++) {
    progress.update(`${round + 1} of ${rounds}`)
    for (const [index, [, lookUp]] of kinds.entries()) {
      const alone = await oneByOne(names, lookUp)
      const { cpu, wall } = await atOnce(names, lookUp)
      // The first round warms up.
      if (round < 0) continue
      seen[index]?.alone.push(alone)
      seen[index]?.cpu.push(cpu)
      seen[index]?.wall.push(wall)
    }
  }
  return kinds.map(([what], index) => {
    const { alone = [], cpu = [], wall = [] } = seen[index] ?? {}
    return { what, alone: estimate(alone), cpu: estimate(cpu), perSecond: 1e6 / median(wall) }
  })
}

async function oneByOne(names: readonly string[], lookUp: (name: string) => unknown): Promise<number> {
  const took: number[] = []
  for (let n = 0; n < ALONE; n++) {
    const began = performance.now()
    await lookUp(names[n % names.length] ?? '')
    took.push((performance.now() - began) * 1000)
  }
  return median(took)
}

async function atOnce(names: readonly string[], lookUp: (name: string) => unknown) {
  const [cpu, began] = [process.cpuUsage(), performance.now()]
  for (let n = 0; n < TOGETHER; n++) await Promise.all(names.map(lookUp))
  const { user, system } = process.cpuUsage(cpu)
  const lookUps = TOGETHER * names.length
  return { cpu: (user + system) / lookUps, wall: ((performance.now() - began) * 1000) / lookUps }
}

/** Its name and version: `Redis server v=7.0.15 …`, `Valkey server v=8.0.1 …`. */
function versionOfStore(): Record<string, string> {
  const said = execFileSync(program ?? '', ['--version'], { encoding: 'utf8' })
  const [, name = 'store', version = ''] = said.match(/^(\w+) server v=(\S+)/) ?? []
  return { [name]: version }
}

/** Of a client's package. */
function versionOf(name: string): string {
  const manifest = new URL(`../../node_modules/${name}/package.json`, import.meta.url)
  return JSON.parse(readFileSync(manifest, 'utf8')).version
}
