/** Overwrites and reads the blobs of other threads. Throws for a blob that no thread stored in this form. */
import { parentPort, workerData } from 'node:worker_threads'
import { SessionCache } from 'tls-resumption'
import { blobOf, numberOf } from './blobs.ts'
import { Gate } from './start.ts'

export interface OverwriteData {
  name: string
  rounds: number
}

const { name, rounds, gate } = workerData as OverwriteData & { gate: SharedArrayBuffer }
const cache = new SessionCache({ name })
let read = 0
new Gate(gate).wait()
for (let i = 0; i < rounds; i++) {
  const key = `key ${i % 3}`
  // The number of a blob also encodes its key, so that a blob of another key is detected.
  const write = i % 5 === 0 ? 'set' : 'add'
  cache[write](key, blobOf(3 * i + (i % 3)))
  for (const operation of ['get', 'offer', i % 7 ? 'get' : 'take'] as const) {
    const blob = cache[operation](key)
    if (!blob) continue
    if (numberOf(blob) % 3 !== i % 3) throw new Error(`${operation} gave a blob of another key`)
    read++
  }
}
parentPort?.postMessage(read)
