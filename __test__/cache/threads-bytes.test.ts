import test from 'ava'
import { SessionCache } from 'tls-resumption'
import type { OverwriteData } from '../workers/overwrite.ts'
import { race } from '../workers/start.ts'

test('no thread reads a blob that is torn, or one of another key, while others store over it', async t => {
  const data: OverwriteData = { name: t.title, rounds: 10_000 }
  // With room for less than all of them, evictions and reused memory come into it.
  using cache = new SessionCache({ name: t.title, max: 8, maxSize: 12_000 })
  const reads = await race<number>(4, 'overwrite.ts', data)
  for (const read of reads) t.true(read > 0)
  t.is(cache.stats().sets, 40_000)
})
