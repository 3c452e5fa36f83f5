/** A cluster whose primary keeps no reference to its ring. Prints how many keys the worker has after a rotation. */
import cluster from 'node:cluster'
import { setTimeout as delay } from 'node:timers/promises'
import { TicketKeys } from 'tls-resumption'

const NAME = 'unreferenced'

if (cluster.isPrimary) {
  new TicketKeys({ name: NAME })
  const worker = cluster.fork()
  // The worker listens for messages only after this one.
  await new Promise<void>(resolve => {
    worker.on('message', message => {
      if (message === 'ready') resolve()
    })
  })
  for (let n = 0; n < 10; n++) {
    globalThis.gc?.()
    await delay(10)
  }
  worker.send('rotate')
  worker.on('message', message => {
    if (message.count === undefined) return
    console.log(message.count)
    worker.kill()
  })
} else {
  const keys = new TicketKeys({ name: NAME })
  process.on('message', async message => {
    if (message !== 'rotate') return
    keys.rotate()
    while (keys.stats().keys.length < 2) await delay(10)
    process.send?.({ count: keys.stats().keys.length })
  })
  process.send?.('ready')
}
