import test from 'ava'
import { SessionCache } from 'tls-resumption'
import type { OverwriteData } from '../workers/overwrite.ts'
import { race } from '../workers/start.ts'

test('cache threads: no thread reads a torn blob or a blob of another key during overwrites', async t => {
  const data: OverwriteData = { name: t.title, rounds: 10_000 }
  // The cache is too small for all blobs, so evictions and reused memory take part.
  using cache = new SessionCache({ name: t.title, max: 8, maxSize: 12_000 })
  const reads = await race<number>(4, 'overwrite.ts', data)
  for (const read of reads) t.true(read > 0)
  t.is(cache.stats().sets, 40_000)
})
