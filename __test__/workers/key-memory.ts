/**
 * Processes whose ring gets keys from files: a cluster of two workers, a host with a tier, or a host with a source. Each
 * line of the standard input is the path of a key that becomes the active one, or `settle`. Prints `{ pids, ports }` first,
 * and then each line when all processes use the key and the ring has no key more than it keeps.
 */
import cluster from 'node:cluster'
import { once } from 'node:events'
import { closeSync, openSync, readSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { createInterface } from 'node:readline'
import tls from 'node:tls'
import { Redis } from 'ioredis'
import { TicketKeys, type TicketKeysOptions } from 'tls-resumption'
import { RedisTier } from 'tls-resumption/redis'

const { mode, identity, port, sealing, file } = JSON.parse(process.argv[2] ?? '{}')
const options: TicketKeysOptions = { name: 'memory', rotateEvery: 0, keep: 2 }
if (mode === 'tier') {
  // The activation lead time is a quarter of it.
  options.rotateEvery = 8000
  const client = new Redis(port, '127.0.0.1')
  options.tier = new RedisTier({ client, keys: [Buffer.from(sealing, 'base64')] })
}
const SETTLE = 'settle'
const keys = new TicketKeys(
  mode === 'source' ? { source: { files: [file] }, refreshEvery: 100, keep: 2 } : options,
)

async function listen(): Promise<number> {
  const server = tls.createServer(identity, socket => {
    socket.on('error', () => {})
    socket.end('!')
  })
  keys.attach(server)
  await once(server.listen({ port: 0, host: '127.0.0.1', exclusive: true }), 'listening')
  return (server.address() as AddressInfo).port
}

/** Inserts the key of a file, through memory outside of V8's heap that is wiped. */
async function insert(path: string): Promise<void> {
  const key = Buffer.allocUnsafeSlow(4096)
  const descriptor = openSync(path, 'r')
  readSync(descriptor, key, 0, 48, 0)
  closeSync(descriptor)
  const done = keys.insert(key.subarray(0, 48))
  key.fill(0)
  await done
}

async function settle(): Promise<void> {
  // On a busy machine a host reads the record later, and wipes the key that is one too many then.
  while (keys.stats().keys.length > 2) await new Promise(resolve => setTimeout(resolve, 50))
}

async function lead(): Promise<void> {
  const pids = [process.pid]
  const ports: number[] = []
  for (let n = 0; mode === 'cluster' && n < 2; n++) {
    const worker = cluster.fork()
    pids.push(worker.process.pid ?? 0)
    // Other messages are those of the ring.
    ports.push(
      await new Promise<number>(resolve => {
        worker.on('message', message => {
          if ('port' in message) resolve(message.port)
        })
      }),
    )
  }
  if (mode !== 'cluster') ports.push(await listen())
  await keys.ready
  console.log(JSON.stringify({ pids, ports }))
  for await (const path of createInterface(process.stdin)) {
    if (mode === 'source' && path !== SETTLE) await new Promise(resolve => setTimeout(resolve, 500))
    else if (path !== SETTLE) await insert(path)
    await settle()
    console.log(path)
  }
  process.exit()
}

if (cluster.isPrimary) {
  await lead()
} else {
  const listening = await listen()
  await keys.ready
  process.send?.({ port: listening })
}
