/** Stores many sessions in a named cache and posts the largest size and bytes that it read. */
import { parentPort, workerData } from 'node:worker_threads'
import { SessionCache } from 'tls-resumption'
import { Gate } from './start.ts'

export interface CrowdData {
  name: string
  sessions: number
}

export interface Seen {
  largestSize: number
  mostBytes: number
}

const { name, sessions, gate } = workerData as CrowdData & { gate: SharedArrayBuffer }
const cache = new SessionCache({ name })
const blob = Buffer.alloc(300, 's')
const seen: Seen = { largestSize: 0, mostBytes: 0 }
new Gate(gate).wait()
for (let i = 0; i < sessions; i++) {
  // Every third session has a key that the other threads use as well.
  const key = i % 3 ? crypto.randomUUID() : `key ${i % 50}`
  cache[i % 2 ? 'set' : 'add'](key, blob.subarray(0, 100 + (i % 200)))
  const { size, bytes } = cache.stats()
  seen.largestSize = Math.max(seen.largestSize, size)
  seen.mostBytes = Math.max(seen.mostBytes, bytes)
}
parentPort?.postMessage(seen)
