/**
 * `npm run bench:segment [-- --quick --record --json FILE --rounds N]`: measures a cache in a file from 1, 2 and 8 processes.
 *
 * Beside it stand the memory of one process, npm's `lmdb`, and Redis on a unix socket, each if it is installed.
 */
import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { SessionCache } from 'tls-resumption'
import { program as redisProgram } from '../../__test__/support/store.ts'
import type { Progress } from '../lib/progress.ts'
import type { ResultTable } from '../lib/result.ts'
import { runBenchmark } from '../lib/runner.ts'
import { type Estimate, estimate } from '../lib/statistics.ts'
import type { Measured, Operation, Order, Place } from './process.ts'

const PROCESSES = [1, 2, 8]
const OPERATIONS: readonly Operation[] = ['get', 'take and set']
const NAMES: Record<Place, string> = {
  memory: 'memory of one process',
  file: 'file',
  lmdb: 'npm `lmdb`',
  redis: 'Redis, unix socket',
}

interface Row {
  place: Place
  processes: number
  operation: Operation
  /** Microseconds of CPU of the calling process for each operation. */
  cpu: number[]
  /** Operations in a second, of all processes. */
  perSecond: number[]
}

await runBenchmark('segment', { quick: 3, full: 10 }, async ({ quick, rounds, progress }) => {
  const folder = mkdtempSync('/dev/shm/tls-resumption-bench-')
  try {
    const rows = await measure(folder, rounds, quick ? 200 : 500, progress)
    return { tables: [operationsTable(rows, rounds), memoryTable(folder)], targets: [], versions: {} }
  } finally {
    rmSync(folder, { recursive: true })
  }
})

async function measure(folder: string, rounds: number, millis: number, progress: Progress): Promise<Row[]> {
  const socket = join(folder, 'redis')
  const redis = redisProgram ? await startRedis(redisProgram, socket) : undefined
  try {
    const places: Place[] = ['memory', 'file']
    if (isInstalled('lmdb')) places.push('lmdb')
    if (redis) places.push('redis')
    const rows: Row[] = places.flatMap(place =>
      OPERATIONS.flatMap(operation =>
        PROCESSES.filter(processes => place !== 'memory' || processes === 1).map(processes => ({
          place,
          processes,
          operation,
          cpu: [],
          perSecond: [],
        })),
      ),
    )
    // The first round warms up.
    for (let round = -1; round < rounds; round++) {
      for (const row of rows) {
        progress.phase(`round ${round + 1} of ${rounds}: ${NAMES[row.place]}, ${row.processes} processes`)
        const order: Order = { place: row.place, folder, operation: row.operation, millis }
        const measured = await runProcesses(row.processes, order)
        if (round < 0) continue
        row.cpu.push(...measured.map(({ cpu }) => cpu))
        row.perSecond.push(measured.reduce((sum, { perSecond }) => sum + perSecond, 0))
      }
    }
    return rows
  } finally {
    redis?.kill()
  }
}

async function runProcesses(count: number, order: Order): Promise<Measured[]> {
  const script = new URL('./process.ts', import.meta.url)
  const children = Array.from({ length: count }, () => fork(script, [JSON.stringify(order)]))
  await Promise.all(children.map(child => once(child, 'message')))
  const answers = children.map(async child => (await once(child, 'message'))[0] as Measured)
  for (const child of children) child.send('go')
  const measured = await Promise.all(answers)
  for (const child of children) child.disconnect()
  await Promise.all(children.map(child => once(child, 'exit')))
  return measured
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

function operationsTable(rows: readonly Row[], rounds: number): ResultTable {
  const of = (values: readonly number[]): Estimate => estimate(values)
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
      of(cpu),
      of(perSecond),
    ]),
    samples: `${rounds} rounds in turns`,
    remark:
      'Redis answers by way of its own process, whose CPU does not count here. An operation of `take and set` is both calls.',
  }
}

/** Returns how many bytes more a full file takes for each session of this length. */
function growth(folder: string, bytes: number): number {
  const cache = new SessionCache({ path: join(folder, `of ${bytes}`) })
  const allocated = () => cache.stats().file?.allocated ?? Number.NaN
  const empty = allocated()
  for (let n = 0; n < 10_000; n++) cache.set(`key ${n}`, Buffer.alloc(bytes, 1))
  return (allocated() - empty) / cache.size
}

/** Measures what a file of sessions takes. */
function memoryTable(folder: string): ResultTable {
  const path = join(folder, 'memory')
  const began = performance.now()
  const cache = new SessionCache({ path })
  const created = performance.now() - began
  const again = performance.now()
  new SessionCache({ path })[Symbol.dispose]()
  const opened = performance.now() - again
  const empty = cache.stats().file?.allocated ?? Number.NaN
  const short = growth(folder, 1000)
  const usual = growth(folder, 1700)
  return {
    id: 'memory',
    title: 'A file of 10,000 sessions',
    columns: [{ title: 'figure' }, { title: 'value', digits: 2 }, { title: 'unit' }],
    rows: [
      ['the file of sessions, empty', empty / 1e6, 'MB'],
      ['more for each session of 1,000 bytes', short, 'bytes'],
      ['more for each session of 1,700 bytes', usual, 'bytes'],
      ['make the files', created, 'ms'],
      ['open them again in the same process', opened, 'ms'],
    ],
    samples: 'one',
  }
}
