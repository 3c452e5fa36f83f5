/** Stores or reads a session in the default cache of servers. */
import { parentPort, workerData } from 'node:worker_threads'
import { serverCache } from '../../dist/cache/default-caches.js'

const cache = serverCache(undefined)
if (workerData === 'set') cache?.set('peer of a worker', Buffer.from('a session'))
parentPort?.postMessage(cache?.get('peer of a worker')?.toString())
