/**
 * Uses a named cache and private ones in a loop, so that a termination interrupts an operation. Counts the rounds in shared
 * memory. After `rounds` rounds the thread ends by `then`.
 */
import { workerData } from 'node:worker_threads'
import { SessionCache } from 'tls-resumption'

export interface BusyData {
  name: string
  /** One Int32 cell with the number of rounds. */
  progress: SharedArrayBuffer
  then?: 'process.exit' | 'throw'
  rounds?: number
}

const { name, progress, then, rounds = Infinity } = workerData as BusyData
const cells = new Int32Array(progress)
const shared = new SessionCache({ name })
const mine = [new SessionCache({ sweepInterval: 1 }), new SessionCache({ name: `${name}, the worker's` })]
for (let i = 0; i < rounds; i++) {
  const blob = Buffer.alloc(1 + (i % 20_000), 's')
  for (const cache of [shared, ...mine]) {
    const key = `key ${i % 30}`
    cache.set(key, blob, { ttl: 1 + (i % 50) }).add(key, blob)
    cache.get(key)
    cache.offer(key)
    if (i % 3 === 0) cache.take(key)
    if (i % 7 === 0) cache.delete(key)
    if (i % 101 === 0) cache.sweep()
    if (i % 1009 === 0) cache.clear()
  }
  Atomics.add(cells, 0, 1)
}
if (then === 'throw') throw new Error('the worker fails on purpose')
process.exit(0)
