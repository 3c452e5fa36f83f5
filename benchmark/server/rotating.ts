/** A cluster that rotates its ticket keys on request. */
import cluster, { type Worker } from 'node:cluster'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:tls'
import type { TicketKeys } from 'tls-resumption'
import type { Identity } from '../../fixtures/certificates.ts'

export interface Rotating {
  how: 'setTicketKeys' | 'TicketKeys'
  workers: number
  identity: Identity
}

/** Messages of this program, beside those of `TicketKeys`. */
type Told = { benchmark: Rotating | { ticketKeys: string } }
type Said = { benchmark: number | 'ready' }

const RING = { name: 'rotating', rotateEvery: 0, keep: 8 }

if (cluster.isPrimary) primary()
else worker()

function primary(): void {
  let keys: TicketKeys | undefined
  const workers: Worker[] = []
  process.on('message', async (request: Rotating | 'rotate') => {
    if (request === 'rotate') {
      if (keys) keys.rotate()
      else await tellAll(workers, { benchmark: { ticketKeys: randomBytes(48).toString('hex') } })
      process.send?.('rotated')
      return
    }
    if (request.how === 'TicketKeys') keys = await openRing()
    for (let i = 0; i < request.workers; i++) workers.push(cluster.fork())
    // Before that, the worker does not listen.
    await Promise.all(workers.map(answerOf))
    const [port] = await tellAll(workers, { benchmark: request })
    process.send?.(port)
  })
  process.on('disconnect', () => process.exit())
}

/** Loads the package only where it is measured. */
async function openRing(): Promise<TicketKeys> {
  const { TicketKeys } = await import('tls-resumption')
  return new TicketKeys(RING)
}

function tellAll(workers: Worker[], message: Told): Promise<Said['benchmark'][]> {
  return Promise.all(
    workers.map(worker => {
      const answer = answerOf(worker)
      worker.send(message)
      return answer
    }),
  )
}

function answerOf(worker: Worker): Promise<Said['benchmark']> {
  return new Promise(resolve => {
    worker.on('message', function hear(message: Partial<Said>) {
      if (message.benchmark === undefined) return
      worker.off('message', hear)
      resolve(message.benchmark)
    })
  })
}

function worker(): void {
  const say = (benchmark: Said['benchmark']) => process.send?.({ benchmark } satisfies Said)
  const server = createServer(socket => {
    socket.on('error', () => {}).resume()
  })
  process.on('message', async ({ benchmark }: Partial<Told>) => {
    if (benchmark === undefined) return
    if ('ticketKeys' in benchmark) {
      server.setTicketKeys(Buffer.from(benchmark.ticketKeys, 'hex'))
      say('ready')
      return
    }
    server.setSecureContext(benchmark.identity)
    if (benchmark.how === 'TicketKeys') (await openRing()).attach(server)
    await once(server.listen(0, '127.0.0.1'), 'listening')
    say((server.address() as AddressInfo).port)
  })
  say('ready')
}
