import type { ConnectionOptions } from 'node:tls'
import { parentPort, workerData } from 'node:worker_threads'
import { loadedFiles } from '../lib/loaded.mjs'
import { roundTrip } from '../start/round-trip.ts'
import { full, type Mode, ownSessions } from './modes.ts'

export interface ThreadData {
  how: 'alone' | 'map' | 'ours' | 'ours, warm'
  name: string
  endpoints: ConnectionOptions[]
  connections: number
}

const { how, name, endpoints, connections }: ThreadData = workerData
const mode = how === 'alone' ? full : how === 'map' ? ownSessions : await ours()

async function ours(): Promise<Mode> {
  const { connect, SessionCache } = await import('tls-resumption')
  const sessionCache = new SessionCache({ name })
  return { name: how, connect: options => connect({ ...options, sessionCache }) }
}

parentPort?.on('message', async (what: 'once' | 'go' | 'loaded') => {
  if (what === 'loaded') return parentPort?.postMessage(loadedFiles())
  const times = what === 'once' ? 1 : connections
  await Promise.all(
    endpoints.flatMap(options =>
      Array.from({ length: times }, () => roundTrip(() => mode.connect({ ...options }))),
    ),
  )
  return parentPort?.postMessage('done')
})
parentPort?.postMessage('ready')
