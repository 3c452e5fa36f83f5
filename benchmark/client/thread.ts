import type { ConnectionOptions } from 'node:tls'
import { parentPort, workerData } from 'node:worker_threads'
import { connect, SessionCache } from 'tls-resumption'
import { roundTrip } from '../start/round-trip.ts'
import { full, type Mode, ownSessions } from './modes.ts'

export interface ThreadData {
  how: 'alone' | 'map' | 'ours' | 'ours, warm'
  name: string
  endpoints: ConnectionOptions[]
  connections: number
}

const { how, name, endpoints, connections }: ThreadData = workerData
const mode = how === 'alone' ? full : how === 'map' ? ownSessions : ours()

function ours(): Mode {
  const sessionCache = new SessionCache({ name })
  return { name: how, connect: options => connect({ ...options, sessionCache }) }
}

parentPort?.on('message', async (what: 'once' | 'go') => {
  const times = what === 'once' ? 1 : connections
  await Promise.all(
    endpoints.flatMap(options =>
      Array.from({ length: times }, () => roundTrip(() => mode.connect({ ...options }))),
    ),
  )
  parentPort?.postMessage('done')
})
parentPort?.postMessage('ready')
