/** Stores a session with a short lifetime in a cache that outlives this thread. */
import { parentPort, workerData } from 'node:worker_threads'
import { SessionCache } from 'tls-resumption'

// Only a default cache keeps the sweeper running after its last thread has ended.
const cache = new SessionCache({ name: 'tls-resumption-default-client', sweepInterval: 1 })
const before = cache.stats().sets
cache.set('peer', Buffer.from('a session'), { ttl: 20 })
const own = new SessionCache({ sweepInterval: 1 }).set('peer', Buffer.from('a session'), { ttl: 20 })

parentPort?.postMessage(before)
while (workerData === 'terminate') own.set('peer', Buffer.from('a session'), { ttl: 20 })
if (workerData === 'process.exit') process.exit()
