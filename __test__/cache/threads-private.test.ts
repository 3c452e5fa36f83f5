import { once } from 'node:events'
import test from 'ava'
import { SessionCache } from 'tls-resumption'
import { startWorker } from '../workers/start.ts'

const MB = 2 ** 20

// Serial, for each watches the process's memory. Nothing but memory tells whether a cache without a name was closed with its thread.
test.serial('the memory of a private cache goes with its thread', async t => {
  const fill = async () => {
    const worker = startWorker('fill.ts', 64 * MB)
    const [bytes] = await once(worker, 'message')
    t.is(bytes, 64 * MB)
    await worker.terminate()
  }
  await fill()
  const before = process.memoryUsage.rss()
  for (let round = 0; round < 4; round++) await fill()
  const grown = process.memoryUsage.rss() - before
  t.true(grown < 128 * MB, `4 caches of 64 MiB are gone, and ${Math.round(grown / MB)} MiB more are used`)
})

test.serial('the memory of a private cache goes when it is disposed of', t => {
  const blob = Buffer.alloc(64 * 1024, 's')
  const fill = () => {
    using cache = new SessionCache({ maxSize: 64 * MB })
    for (let i = 0; i < 1024; i++) cache.set(`key ${i}`, blob)
    t.is(cache.bytes, 64 * MB)
  }
  fill()
  const before = process.memoryUsage.rss()
  for (let round = 0; round < 4; round++) fill()
  const grown = process.memoryUsage.rss() - before
  t.true(grown < 128 * MB, `4 caches of 64 MiB are gone, and ${Math.round(grown / MB)} MiB more are used`)
})
