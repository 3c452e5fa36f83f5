/** Fills a private cache with the given number of bytes, posts that number, and waits for its termination. */
import { parentPort, workerData } from 'node:worker_threads'
import { SessionCache } from 'tls-resumption'

const bytes = workerData as number
const blob = Buffer.alloc(64 * 1024, 's')
const cache = new SessionCache({ maxSize: bytes })
for (let i = 0; i < bytes / blob.length; i++) cache.set(`key ${i}`, blob)
parentPort?.on('message', () => cache.clear())
parentPort?.postMessage(cache.bytes)
