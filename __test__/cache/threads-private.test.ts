import { once } from 'node:events'
import test from 'ava'
import { SessionCache } from 'tls-resumption'
import { startWorker } from '../workers/start.ts'

const MB = 2 ** 20

// Serial, since each test measures the memory of the process. Only memory shows whether a private cache was closed.
test.serial('cache threads: the end of a thread frees its private cache', async t => {
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
  t.true(grown < 128 * MB, `4 caches of 64 MiB were closed, and ${Math.round(grown / MB)} MiB more are used`)
})

test.serial('cache: disposal frees a private cache', t => {
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
  t.true(grown < 128 * MB, `4 caches of 64 MiB were closed, and ${Math.round(grown / MB)} MiB more are used`)
})
