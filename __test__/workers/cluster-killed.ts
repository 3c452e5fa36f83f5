/**
 * A cluster whose workers are killed one after the other, and replaced, while clients reconnect. Its ring, if it has one,
 * rotates all the time. Prints what became of the connections. The mode is `plain`, `ring`, `ring in a file` or
 * `IDs in a file`.
 */
import cluster, { type Worker } from 'node:cluster'
import { constants } from 'node:crypto'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import tls from 'node:tls'
import { resumeSessions, SessionCache, TicketKeys } from 'tls-resumption'

const WORKERS = 3
const CLIENTS = 8
const KILLS = 4
const ROTATE_EVERY_MS = 100
/** Fewer than the keys that the ring keeps, so that no ticket outlives its key, however slow the machine is. */
const MAX_ROTATIONS = 60

const [, , mode = '', identity = '', ca = '', path = ''] = process.argv
const keys = openKeys()

function openKeys(): TicketKeys | undefined {
  if (mode === 'ring') return new TicketKeys({ name: 'killed', keep: 64 })
  return mode === 'ring in a file' ? new TicketKeys({ path, keep: 64 }) : undefined
}

export interface Killed {
  /** Connections that completed, of clients with a session. */
  completed: number
  /** Those of them that were full handshakes. */
  lost: number
  /** Connections that failed. */
  failed: number
  /** Those of them that no worker had when it was killed. */
  failedForNoReason: number
  rotations: number
}

if (cluster.isPrimary) await primary()
else serve()

function serve(): void {
  const usesIds = mode === 'IDs in a file'
  const options = usesIds ? { maxVersion: 'TLSv1.2', secureOptions: constants.SSL_OP_NO_TICKET } : {}
  const server = tls.createServer({ ...JSON.parse(identity), ...options }, socket => {
    socket.on('error', () => {})
    socket.end('!')
  })
  keys?.attach(server)
  if (usesIds) resumeSessions(server, { sessionCache: new SessionCache({ path, serves: 'servers' }) })
  // Port 0 is one port for all workers.
  server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as { port: number }).port }))
}

async function primary(): Promise<void> {
  const counts: Killed = { completed: 0, lost: 0, failed: 0, failedForNoReason: 0, rotations: 0 }
  const workers: Worker[] = []
  const port = (await Promise.all(Array.from({ length: WORKERS }, () => start(workers))))[0] ?? 0
  /** From the signal until the primary knows that the worker is gone. */
  const outages: { from: number; to: number }[] = []
  const rotating = setInterval(() => {
    if (keys && counts.rotations++ < MAX_ROTATIONS) void keys.rotate()
  }, ROTATE_EVERY_MS)
  let isOver = false
  const clients = Array.from({ length: CLIENTS }, async () => {
    let session: Buffer | undefined
    while (!isOver) {
      const isFirst = session === undefined
      const from = performance.now()
      const how = await visit(port, session, latest => {
        session = latest
      })
      const isOut = outages.some(outage => from <= outage.to && performance.now() >= outage.from)
      if (how === 'failed') counts.failed++
      if (how === 'failed' && !isOut) counts.failedForNoReason++
      if (how === 'failed' || isFirst) continue
      counts.completed++
      if (how === 'full') counts.lost++
    }
  })
  for (let n = 0; n < KILLS; n++) {
    await delay(250)
    const worker = workers.shift()
    if (!worker) break
    const outage = { from: performance.now(), to: Number.POSITIVE_INFINITY }
    outages.push(outage)
    const exit = once(worker, 'exit')
    worker.process.kill('SIGKILL')
    await exit
    outage.to = performance.now()
    await start(workers)
  }
  await delay(250)
  isOver = true
  await Promise.all(clients)
  clearInterval(rotating)
  console.log(JSON.stringify(counts))
  process.exit()
}

/** Starts a worker. Resolves with its port. */
async function start(workers: Worker[]): Promise<number> {
  const worker = cluster.fork()
  workers.push(worker)
  return new Promise(resolve => {
    worker.on('message', message => {
      if ('port' in message) resolve(message.port)
    })
  })
}

async function visit(
  port: number,
  session: Buffer | undefined,
  keep: (session: Buffer) => void,
): Promise<'resumed' | 'full' | 'failed'> {
  const socket = tls.connect({ port, host: '127.0.0.1', servername: 'localhost', ca, session })
  let how: 'resumed' | 'full' | 'failed' = 'failed'
  socket.on('session', keep)
  socket.on('error', () => {})
  socket.on('data', () => {
    how = socket.isSessionReused() ? 'resumed' : 'full'
  })
  const timer = setTimeout(() => socket.destroy(), 2000)
  // `once()` would reject with an error of the socket.
  await new Promise(resolve => socket.on('close', resolve))
  clearTimeout(timer)
  return how
}
