/** A cluster whose workers end while the ring stays open. Prints how many ended workers are still reachable. */
import cluster, { type Worker } from 'node:cluster'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { TicketKeys } from 'tls-resumption'

new TicketKeys({ name: 'gone', rotateEvery: 0 })

if (cluster.isPrimary) {
  const gone: WeakRef<Worker>[] = []
  for (let n = 0; n < 3; n++) gone.push(await serveOnce())
  const last = cluster.fork()
  await once(last, 'message')
  for (let n = 0; n < 20; n++) {
    globalThis.gc?.()
    await delay(10)
  }
  console.log(gone.filter(worker => worker.deref() !== undefined).length)
  last.kill()
} else {
  process.send?.('ready')
}

async function serveOnce(): Promise<WeakRef<Worker>> {
  const worker = cluster.fork()
  await once(worker, 'message')
  worker.kill()
  await once(worker, 'exit')
  return new WeakRef(worker)
}
