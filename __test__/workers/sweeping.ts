/** Stores a session that is soon to be swept, in a cache that outlives this thread. */
import { parentPort, workerData } from 'node:worker_threads'
import { SessionCache } from 'tls-resumption'

// The name of the caches that stay for the life of the process; the others would take the sweeper with them.
const cache = new SessionCache({ name: 'tls-resumption-default-client', sweepInterval: 1 })
const before = cache.stats().sets
cache.set('peer', Buffer.from('a session'), { ttl: 20 })
const own = new SessionCache({ sweepInterval: 1 }).set('peer', Buffer.from('a session'), { ttl: 20 })

parentPort?.postMessage(before)
while (workerData === 'terminate') own.set('peer', Buffer.from('a session'), { ttl: 20 })
if (workerData === 'process.exit') process.exit()
