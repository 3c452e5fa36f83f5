/** Opens a cache, posts a message, and ends at the next message without disposing of the cache. */
import { parentPort, workerData } from 'node:worker_threads'
import { SessionCache } from 'tls-resumption'

const cache = new SessionCache({ name: workerData as string }).set('peer', Buffer.from('a session'))
parentPort?.postMessage('open')
parentPort?.once('message', () => cache.get('peer'))
