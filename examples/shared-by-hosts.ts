/**
 * Two processes, as on two hosts, that resume each other's connections: they share ticket keys and TLS 1.2 sessions through
 * Redis. The program starts its own Redis, so `redis-server` has to be installed.
 *
 *     node --import ./scripts/lib/typescript.mjs examples/shared-by-hosts.ts
 *
 * Lines that an application needs are marked with (*). The rest is two hosts, a store and a client in one program.
 */
import { type ChildProcess, fork, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import net, { type AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import tls from 'node:tls'
import { Redis } from 'ioredis'
import { resumeSessions, TicketKeys } from 'tls-resumption' // (*)
import { RedisTier } from 'tls-resumption/redis' // (*)
import { createAuthority, type Identity } from '../fixtures/certificates.ts'

interface HostOptions {
  storePort: number
  sealingKey: string
  identity: Identity
}

const children: ChildProcess[] = []
const [role, options = ''] = process.argv.slice(2)
try {
  if (role === 'host') await host(JSON.parse(options))
  else await site()
} finally {
  for (const child of children) child.kill()
}

async function host({ storePort, sealingKey, identity }: HostOptions): Promise<void> {
  const client = new Redis(storePort, '127.0.0.1') // (*) Or a client of the package redis, single or cluster.
  client.on('error', error => console.error(error.message)) // (*)
  await once(client, 'ready')
  // (*) The sealing key is a secret of 32 random bytes, the same on all hosts.
  const tier = new RedisTier({ client, keys: [Buffer.from(sealingKey, 'base64')] })
  const server = tls.createServer(identity, socket => socket.end('hello'))
  const keys = new TicketKeys({ name: 'edge', tier }) // (*)
  keys.attach(server) // (*) Tickets of TLS 1.3 and 1.2.
  resumeSessions(server, { tier }) // (*) Session IDs of TLS 1.2 clients without tickets.
  await once(server.listen(0, '127.0.0.1'), 'listening')
  while (!keys.stats().isShared) await delay(10) // Makes the output of this program the same each time.
  process.send?.((server.address() as AddressInfo).port)
  process.once('disconnect', () => process.exit())
}

async function site(): Promise<void> {
  const storePort = await startStore()
  const { cert: ca, issue } = await createAuthority({ algorithm: 'ecdsa' })
  const identity = await issue({ usage: 'server', commonName: 'localhost' })
  const sealingKey = randomBytes(32).toString('base64')
  const ports = [await startHost(), await startHost('with other arguments')]

  let session: Buffer | undefined
  const results: boolean[] = []
  for (const [index, name] of [
    [0, 'first host'],
    [1, 'second host, with the ticket of the first'],
    [0, 'first host, with the ticket of the second'],
  ] as const) {
    const socket = tls.connect({
      host: 'localhost',
      port: ports[index] ?? 0,
      ca,
      ...(session && { session }),
    })
    socket.on('session', made => {
      session = made
    })
    await once(socket, 'secureConnect')
    console.log(`${name}: ${socket.isSessionReused() ? 'resumed' : 'full handshake'}`)
    results.push(socket.isSessionReused())
    socket.resume()
    await once(socket, 'close')
  }
  process.exitCode = results.join() === 'false,true,true' ? 0 : 1

  async function startHost(...more: string[]): Promise<number> {
    const options: HostOptions = { storePort, sealingKey, identity }
    const child = fork(import.meta.filename, ['host', JSON.stringify(options), ...more])
    children.push(child)
    const [port] = await once(child, 'message')
    return port
  }
}

async function startStore(): Promise<number> {
  const free = net.createServer().listen(0, '127.0.0.1')
  await once(free, 'listening')
  const { port } = free.address() as AddressInfo
  await once(free.close(), 'close')
  const store = spawn(process.env.REDIS_SERVER ?? 'redis-server', [
    '--port',
    `${port}`,
    '--bind',
    '127.0.0.1',
    '--save',
    '',
  ])
  children.push(store)
  for await (const line of store.stdout) if (`${line}`.includes('Ready to accept connections')) break
  return port
}
