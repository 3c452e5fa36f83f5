/** A worker with more rings than Node lets an event have listeners. Prints how many warnings it hears. */
import cluster from 'node:cluster'
import { on } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { TicketKeys } from 'tls-resumption'

const rings = Array.from({ length: 12 }, (_, n) => new TicketKeys({ name: `ring ${n}`, rotateEvery: 0 }))

if (cluster.isPrimary) {
  for (const ring of rings) ring.rotate()
  const worker = cluster.fork()
  for await (const [told] of on(worker, 'message', { signal: AbortSignal.timeout(20_000) })) {
    // Beside what the rings ask for.
    if (typeof told !== 'string') continue
    console.log(told)
    worker.kill()
    break
  }
} else {
  let warnings = 0
  process.on('warning', () => warnings++)
  // The rotated ring of the primary has two keys, one made here has one.
  while (rings.some(ring => ring.stats().keys.length < 2)) await delay(10)
  process.send?.(`${warnings} warnings`)
}
