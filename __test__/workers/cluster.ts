/**
 * A cluster whose workers have servers with a ring of one name. Every worker listens on its own port, so that a client can
 * choose the worker. With the argument `thread` the server and a ring of the name are in a thread of the worker. Prints the kinds of handshakes of a client that connects to one worker after the other.
 */
import cluster, { type Worker } from 'node:cluster'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import tls from 'node:tls'
import { fileURLToPath } from 'node:url'
import { isMainThread, parentPort, Worker as Thread } from 'node:worker_threads'
import { TicketKeys } from 'tls-resumption'

const WORKERS = 2
const [, , identity = '', ca = '', where = 'process'] = process.argv
const keys = new TicketKeys({ name: 'cluster', rotateEvery: 3_600_000 })

if (!isMainThread) parentPort?.postMessage({ port: await serve() })
else if (cluster.isPrimary) await primary()
else await worker()

/** Starts a server in this thread. Returns its port. */
async function serve(): Promise<number> {
  const server = tls.createServer(JSON.parse(identity), socket => {
    socket.on('error', () => {})
    socket.end('!')
  })
  keys.attach(server)
  // Without `exclusive` all workers share the port.
  await once(server.listen({ port: 0, host: '127.0.0.1', exclusive: true }), 'listening')
  return (server.address() as AddressInfo).port
}

async function worker(): Promise<void> {
  cluster.worker?.on('message', message => {
    if (message === 'rotate') keys.rotate()
    if (message === 'count') process.send?.({ count: keys.stats().keys.length })
  })
  if (where === 'process') return void process.send?.({ port: await serve() })
  const thread = new Thread(fileURLToPath(import.meta.url), { argv: process.argv.slice(2) })
  process.send?.((await once(thread, 'message'))[0])
}

async function primary(): Promise<void> {
  const workers = Array.from({ length: WORKERS }, () => cluster.fork())
  const ports = await Promise.all(workers.map(worker => nextMessage(worker, 'port')))
  let session: Buffer | undefined
  const visit = async (index: number): Promise<string> => {
    const socket = tls.connect({
      port: ports[index] ?? 0,
      host: '127.0.0.1',
      servername: 'localhost',
      ca,
      session,
    })
    let resumed = false
    socket.on('secureConnect', () => {
      resumed = socket.isSessionReused()
    })
    socket.on('session', latest => {
      session = latest
    })
    socket.resume()
    await once(socket, 'close')
    return resumed ? 'resumed' : 'full'
  }
  const waitForKeys = async (count: number): Promise<void> => {
    for (const worker of workers) {
      let has: number
      do {
        const answer = nextMessage(worker, 'count')
        worker.send('count')
        has = await answer
      } while (has !== count)
    }
  }
  const met: string[] = []
  // At first each worker has one key of its own.
  keys.rotate()
  await waitForKeys(2)
  met.push(await visit(0), await visit(1))
  workers[0]?.send('rotate')
  await waitForKeys(3)
  met.push(await visit(0), await visit(1))
  console.log(JSON.stringify({ met, keys: keys.stats().keys.length }))
  for (const worker of workers) worker.kill()
}

/** Waits for the next message of a worker that has the property, and returns its value. */
function nextMessage(worker: Worker, what: string): Promise<number> {
  return new Promise(resolve => {
    worker.on('message', function onMessage(message: Record<string, number>) {
      if (!(what in message)) return
      worker.off('message', onMessage)
      resolve(message[what] ?? Number.NaN)
    })
  })
}
