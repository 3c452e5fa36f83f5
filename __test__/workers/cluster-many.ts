/** A worker with more rings than the listeners at which Node warns. Prints the number of warnings. */
import cluster from 'node:cluster'
import { on } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { TicketKeys } from 'tls-resumption'

const rings = Array.from({ length: 12 }, (_, n) => new TicketKeys({ name: `ring ${n}`, rotateEvery: 0 }))

if (cluster.isPrimary) {
  for (const ring of rings) ring.rotate()
  const worker = cluster.fork()
  for await (const [message] of on(worker, 'message', { signal: AbortSignal.timeout(20_000) })) {
    // Other messages are requests of the rings.
    if (typeof message !== 'string') continue
    console.log(message)
    worker.kill()
    break
  }
} else {
  let warnings = 0
  process.on('warning', () => warnings++)
  // A ring of the primary was rotated and has two keys, a ring created here has one.
  while (rings.some(ring => ring.stats().keys.length < 2)) await delay(10)
  process.send?.(`${warnings} warnings`)
}
