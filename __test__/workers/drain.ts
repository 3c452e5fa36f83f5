/** Removes all blobs that it can get from a named cache, key by key, and posts their numbers. */
import { parentPort, workerData } from 'node:worker_threads'
import { SessionCache } from 'tls-resumption'
import { numberOf } from './blobs.ts'
import { Gate } from './start.ts'

export interface DrainData {
  name: string
  keys: number
  operation: 'take' | 'offer'
}

const { name, keys, operation, gate } = workerData as DrainData & { gate: SharedArrayBuffer }
const cache = new SessionCache({ name })
const got: number[] = []
new Gate(gate).wait()
for (let key = 0; key < keys; key++) {
  for (let blob = cache[operation](`key ${key}`); blob; blob = cache[operation](`key ${key}`)) {
    got.push(numberOf(blob))
  }
}
parentPort?.postMessage(got)
