/** The servers of one thread of a host: one for each way to resume. */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import tls from 'node:tls'
import { runInNewContext } from 'node:vm'
import { parentPort, workerData } from 'node:worker_threads'
import { Redis } from 'ioredis'
import { createClient } from 'redis'
import { resumeSessions, SessionCache, TicketKeys } from 'tls-resumption'
import { RedisTier } from 'tls-resumption/redis'

export interface ThreadOptions {
  storePort: number
  sealing: string
  kind: 'ioredis' | 'redis'
  servers: tls.TlsOptions[]
  rotateEvery: number
}

/** The host runs with the flag that defines this function. */
const collectGarbage: () => void = runInNewContext('gc')
const { storePort, sealing, kind, servers, rotateEvery }: ThreadOptions = workerData

const client =
  kind === 'ioredis'
    ? new Redis(storePort, '127.0.0.1', { retryStrategy: () => 200 })
    : createClient({ socket: { host: '127.0.0.1', port: storePort, reconnectStrategy: () => 200 } })
client.on('error', () => {})
if (kind === 'redis') void (client as ReturnType<typeof createClient>).connect().catch(() => {})

const tier = new RedisTier({ client, keys: [Buffer.from(sealing, 'base64')] })
const sessionCache = new SessionCache({ name: 'soak', max: 2000, ttl: 60_000 })
const keys = new TicketKeys({ name: 'soak', rotateEvery, keep: 8, tier })

const ports = servers.map(async options => {
  const server = tls.createServer(options, socket => {
    socket.on('error', () => {})
    socket.end('!')
  })
  server.on('tlsClientError', () => {})
  resumeSessions(server, { sessionCache, tier })
  keys.attach(server)
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return (server.address() as AddressInfo).port
})

// Makes it likely that a terminated thread is in the middle of something.
setInterval(() => {
  for (let n = 0; n < 20; n++) {
    sessionCache.set(randomBytes(2), randomBytes(500))
    sessionCache.take(randomBytes(2))
  }
}, 5)

// First, because the host takes the first message as the list of ports.
parentPort?.postMessage(await Promise.all(ports))
parentPort?.on('message', message => {
  if (message === 'rotate') keys.rotate()
  if (message === 'collect') {
    collectGarbage()
    parentPort?.postMessage('collected')
  }
})
