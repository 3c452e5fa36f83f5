/** Operations on sessions: in a file, in the memory of one process, in npm's `lmdb`, and in Redis. */
import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { program as redisProgram } from '../../__test__/support/store.ts'
import type { Progress } from '../lib/progress.ts'
import type { ResultTable, Target } from '../lib/result.ts'
import { estimate } from '../lib/statistics.ts'
import { judged } from '../lib/target.ts'
import type { Measured, Operation, Order, Place } from './process.ts'

const PROCESSES = [1, 2, 8]
const OPERATIONS: readonly Operation[] = ['get', 'take and set']
const NAMES: Record<Place, string> = {
  memory: 'memory of one process',
  file: 'file',
  lmdb: 'npm `lmdb`',
  redis: 'Redis, unix socket',
  'redis one by one': 'Redis, unix socket, one by one',
}

interface Row {
  place: Place
  processes: number
  operation: Operation
  /** Microseconds of CPU of the calling process for each operation, by round. */
  cpu: number[]
  /** Operations in a second, of all processes, by round. */
  perSecond: number[]
}

/** A part of the benchmark. */
export interface Part {
  table: ResultTable
  targets: Target[]
}

/** Processes of one place, which stay until the end. */
interface Group {
  place: Place
  children: ChildProcess[]
}

export async function operations(
  folder: string,
  rounds: number,
  millis: number,
  progress: Progress,
): Promise<Part> {
  const socket = join(folder, 'redis')
  const redis = redisProgram ? await startRedis(redisProgram, socket) : undefined
  const groups: Group[] = []
  try {
    const places: Place[] = ['memory', 'file']
    if (isInstalled('lmdb')) places.push('lmdb')
    if (redis) places.push('redis', 'redis one by one')
    for (const place of places) {
      for (const count of PROCESSES) {
        // A memory of one process has one, and waiting for each answer is about one.
        if (count > 1 && (place === 'memory' || place === 'redis one by one')) continue
        progress.phase(`starting ${count} processes: ${NAMES[place]}`)
        groups.push({ place, children: await startAll(count, { place, folder, millis }) })
      }
    }
    const rows = await measure(groups, rounds, progress)
    return { table: table(rows, rounds), targets: targets(rows) }
  } finally {
    for (const { children } of groups) await endAll(children)
    redis?.kill()
  }
}

async function measure(groups: readonly Group[], rounds: number, progress: Progress): Promise<Row[]> {
  const rows: Row[] = []
  for (let round = 0; round < rounds; round++) {
    for (const { place, children } of groups) {
      for (const operation of OPERATIONS) {
        progress.phase(`round ${round + 1} of ${rounds}: ${NAMES[place]}, ${children.length} processes`)
        const measured = await run(children, operation)
        const row = findRow(rows, place, children.length, operation)
        row.cpu.push(measured.reduce((sum, { cpu }) => sum + cpu, 0) / measured.length)
        row.perSecond.push(measured.reduce((sum, { perSecond }) => sum + perSecond, 0))
      }
    }
  }
  return rows
}

function findRow(rows: Row[], place: Place, processes: number, operation: Operation): Row {
  const found = rows.find(
    each => each.place === place && each.processes === processes && each.operation === operation,
  )
  if (found) return found
  const row: Row = { place, processes, operation, cpu: [], perSecond: [] }
  rows.push(row)
  return row
}

/** Starts one after the other: the first one fills the place. */
async function startAll(count: number, order: Order): Promise<ChildProcess[]> {
  const script = new URL('./process.ts', import.meta.url)
  const start = async () => {
    const child = fork(script, [JSON.stringify(order)])
    await once(child, 'message')
    return child
  }
  const first = await start()
  return [first, ...(await Promise.all(Array.from({ length: count - 1 }, start)))]
}

async function run(children: readonly ChildProcess[], operation: Operation): Promise<Measured[]> {
  const answers = children.map(async child => (await once(child, 'message'))[0] as Measured)
  for (const child of children) child.send(operation)
  return Promise.all(answers)
}

async function endAll(children: readonly ChildProcess[]): Promise<void> {
  const ends = children.map(child => once(child, 'exit'))
  for (const child of children) child.disconnect()
  await Promise.all(ends)
}

async function startRedis(program: string, socket: string): Promise<ChildProcess> {
  const options = ['--port', '0', '--unixsocket', socket, '--save', '', '--appendonly', 'no']
  const child = spawn(program, options, { stdio: 'ignore' })
  while (!existsSync(socket)) await new Promise(resolve => setTimeout(resolve, 20))
  return child
}

function isInstalled(name: string): boolean {
  try {
    createRequire(import.meta.url).resolve(name)
    return true
  } catch {
    return false
  }
}

function table(rows: readonly Row[], rounds: number): ResultTable {
  return {
    id: 'operations',
    title: 'Operations on 10,000 sessions of 1 KB, from JavaScript',
    columns: [
      { title: 'where' },
      { title: 'processes' },
      { title: 'operation' },
      { title: 'CPU of the caller', unit: 'µs' },
      { title: 'operations of all processes', unit: 'per second', digits: 0 },
    ],
    rows: rows.map(({ place, processes, operation, cpu, perSecond }) => [
      NAMES[place],
      processes,
      operation,
      estimate(cpu),
      estimate(perSecond),
    ]),
    samples: `${rounds} rounds in turns`,
    remark:
      'Redis gets 64 operations at once, or one when the last is answered, as a connection needs it. Its own CPU does not count. An operation of `take and set` is both calls.',
  }
}

const CALL_COST =
  'The call from JavaScript and the new Buffer are most of the cost of both. `cargo run --release -p tls-resumption-core --example segment` measures without them.'

function targets(rows: readonly Row[]): Target[] {
  const ratio = (
    figure: 'cpu' | 'perSecond',
    one: [Place, number],
    other: [Place, number],
    operation: Operation,
  ) => {
    const of = ([place, processes]: [Place, number]) =>
      rows.find(row => row.place === place && row.processes === processes && row.operation === operation)?.[
        figure
      ]
    const [ones, others] = [of(one), of(other)]
    if (!ones || !others) return undefined
    return estimate(ones.map((value, round) => value / (others[round] ?? Number.NaN)))
  }
  const found: Target[] = []
  const add = (target: Omit<Target, 'value'>, value: ReturnType<typeof ratio>) => {
    if (value) found.push(judged({ ...target, value }))
  }
  for (const operation of OPERATIONS) {
    const [file, two, memory]: [Place, number][] = [
      ['file', 1],
      ['file', 2],
      ['memory', 1],
    ]
    if (!file || !two || !memory) continue
    const costs = ratio('cpu', file, memory, operation)
    add({ figure: `CPU of ${operation} in a file, to that in memory`, atMost: 1.3 }, costs)
    const scales = ratio('perSecond', two, file, operation)
    add({ figure: `${operation} in a file: two processes to one`, atLeast: 1.8 }, scales)
    const lmdb = ratio('perSecond', file, ['lmdb', 1], operation)
    const least = operation === 'get' ? 2 : 7
    add({ figure: `${operation} in a file, to npm \`lmdb\``, atLeast: least, reason: CALL_COST }, lmdb)
    const redis = ratio('perSecond', file, ['redis one by one', 1], operation)
    add({ figure: `${operation} in a file, to Redis one by one`, atLeast: 100, reason: CALL_COST }, redis)
  }
  return found
}
