/** A process that acts as one host of a fleet. It shares with the others only what its arguments name. */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import tls from 'node:tls'
import { Cluster, Redis } from 'ioredis'
import { createClient, createCluster } from 'redis'
import { resumeSessions, revokeSessions, SessionCache, TicketKeys } from 'tls-resumption'
import { type RedisClient, RedisTier } from 'tls-resumption/redis'

/** The first argument. The other arguments differ from host to host, as do ports and paths of real hosts. */
export interface HostOptions {
  kind: 'ioredis' | 'redis'
  /** The port of Redis, or the ports of a cluster. */
  ports: number[]
  sealing: string
  /** The options of each TLS server to start. */
  servers: tls.TlsOptions[]
  /** What resumes the connections. By default, both. */
  uses?: ('ids' | 'ring')[] | undefined
  /** The files of the ring, instead of Redis. */
  files?: string[] | undefined
  /** True if each server finds its context by a callback. */
  hasSniCallback?: boolean | undefined
}

export interface HostReport {
  /** The number of handshakes of each server. */
  handshakes: { full: number; resumed: number }[]
  errors: string[]
  /** The age of each key in milliseconds, the active key first. */
  ages: number[]
  accepted: number
  acceptedWithRetiredKey: number
  hits: number
  stores: number
  breaker: string
}

const [text = ''] = process.argv.slice(2)
const {
  kind,
  ports,
  sealing,
  servers,
  uses = ['ids', 'ring'],
  files,
  hasSniCallback,
}: HostOptions = JSON.parse(text)

const client = await connect()
const tier = new RedisTier({ client, keys: [Buffer.from(sealing, 'base64')], timeout: 10_000 })
const sessionCache = new SessionCache({ name: 'edge' })
const keys = new TicketKeys({ name: 'edge', ...(files ? { source: { files } } : { tier }) })
const handshakes: HostReport['handshakes'] = []
const errors: string[] = []
const started: tls.Server[] = []
const listening = servers.map(async options => {
  const counts = { full: 0, resumed: 0 }
  handshakes.push(counts)
  const byName = tls.createSecureContext(options)
  const SNICallback: tls.TlsOptions['SNICallback'] = (_name, answer) => answer(null, byName)
  const server = tls.createServer({ ...options, ...(hasSniCallback && { SNICallback }) }, socket => {
    counts[socket.isSessionReused() ? 'resumed' : 'full']++
    socket.on('error', () => {})
    socket.end('!')
  })
  server.on('tlsClientError', error => errors.push(error.message))
  if (uses.includes('ids')) resumeSessions(server, { sessionCache, tier })
  if (uses.includes('ring')) keys.attach(server)
  started.push(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
})

process.on('message', message => {
  if (message === 'rotate') keys.rotate()
  // All servers have one identity.
  if (message === 'revoke') revokeSessions(started[0] as tls.Server).then(() => process.send?.('revoked'))
  if (message === 'report') process.send?.(report())
})
process.on('disconnect', () => process.exit())
process.send?.(await Promise.all(listening))

function report(): HostReport {
  const { accepted, acceptedWithRetiredKey, keys: ring } = keys.stats()
  const { hits, stores, failedStores, breaker } = tier.stats()
  const ages = ring.map(({ age }) => age)
  return {
    handshakes,
    errors,
    ages,
    accepted,
    acceptedWithRetiredKey,
    hits,
    stores: stores - failedStores,
    breaker,
  }
}

async function connect(): Promise<RedisClient> {
  const [port = 0] = ports
  const isCluster = ports.length > 1
  const made =
    kind === 'ioredis'
      ? isCluster
        ? new Cluster(ports.map(each => ({ host: '127.0.0.1', port: each })))
        : new Redis(port, '127.0.0.1', { retryStrategy: () => 100 })
      : isCluster
        ? createCluster({ rootNodes: ports.map(each => ({ url: `redis://127.0.0.1:${each}` })) })
        : createClient({ socket: { host: '127.0.0.1', port, reconnectStrategy: () => 100 } })
  made.on('error', () => {})
  if (kind === 'redis' && 'isOpen' in made) await made.connect()
  return made
}
