import { parentPort } from 'node:worker_threads'
import { sessionKey } from 'tls-resumption'

const base = { host: 'db.example', port: 5432 }
parentPort?.postMessage([
  sessionKey(base),
  sessionKey({ ...base, checkServerIdentity: (name: string) => (name ? undefined : new Error('no name')) }),
])
