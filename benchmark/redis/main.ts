/**
 * `npm run bench:redis [-- --rounds 20 --json FILE]`: what a look-up through Redis costs, beside the client's own GET
 * and the memory of the process. Starts a server of its own, so `redis-server` has to be installed.
 */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import os from 'node:os'
import { parseArgs } from 'node:util'
import Table from 'cli-table3'
import { Redis } from 'ioredis'
import { createClient } from 'redis'
import { SessionCache } from 'tls-resumption'
import { RedisTier } from 'tls-resumption/redis'
import { startStore } from '../../__test__/helpers/store.ts'
import { type Estimate, estimate, median } from '../clients/statistics.ts'

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '20' }, json: { type: 'string' } },
})
const rounds = Number(values.rounds)
if (!Number.isInteger(rounds) || rounds < 1) throw new RangeError(`--rounds: not ${values.rounds}`)

const SESSIONS = 64
const ALONE = 300
const TOGETHER = 40
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

const ends: (() => unknown)[] = []
try {
  const figures = await measure()
  const table = new Table({
    head: ['a session of 1 KB', 'µs, one by one', '95 %', 'CPU µs, 64 at once', '95 %', 'per s'],
    colAligns: ['left', 'right', 'right', 'right', 'right', 'right'],
    style: { head: [], border: [] },
  })
  const interval = ({ low, high }: Estimate) => `${low.toFixed(1)}-${high.toFixed(1)}`
  for (const { what, alone, cpu, perSecond } of figures) {
    const of = [alone, cpu].flatMap(each => [each.median.toFixed(1), interval(each)])
    table.push([what, ...of, perSecond.toFixed(0)])
  }
  process.stdout.write(`${table}\n`)
  if (values.json) writeFileSync(values.json, `${JSON.stringify({ ...conditions(), figures }, null, 2)}\n`)
} finally {
  for (const end of ends.reverse()) await end()
}

async function measure(): Promise<Figures[]> {
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
  for (let round = -1; round < rounds; round++) {
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

/** What the figures were made on. */
function conditions() {
  return {
    command: `npm run bench:redis -- --rounds ${rounds}`,
    date: new Date().toISOString().slice(0, 10),
    node: process.version,
    cpu: os.cpus()[0]?.model,
    cpus: os.cpus().length,
    load: os.loadavg().map(load => Number(load.toFixed(1))),
  }
}
