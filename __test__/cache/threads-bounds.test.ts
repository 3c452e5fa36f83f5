import { setImmediate as turn } from 'node:timers/promises'
import test, { type ExecutionContext } from 'ava'
import { SessionCache, type SessionCacheOptions } from 'tls-resumption'
import type { CrowdData, Seen } from '../workers/crowd.ts'
import { race } from '../workers/start.ts'

/** Lets four threads store at the same time, while they and this thread read size and bytes. */
async function crowd(t: ExecutionContext, options: SessionCacheOptions): Promise<Seen> {
  using cache = new SessionCache({ name: t.title, ...options })
  const seen: Seen = { largestSize: 0, mostBytes: 0 }
  let done = false
  const data: CrowdData = { name: t.title, sessions: 5000 }
  const workers = race<Seen>(4, 'crowd.ts', data).finally(() => {
    done = true
  })
  while (!done) {
    seen.largestSize = Math.max(seen.largestSize, cache.size)
    seen.mostBytes = Math.max(seen.mostBytes, cache.bytes)
    await turn()
  }
  const all = [seen, ...(await workers)]

  const { sets, takes, deletes, replaced, cleared, evictions, expirations, size } = cache.stats()
  t.is(sets, 20_000)
  t.is(sets, takes + deletes + replaced + cleared + evictions + expirations + size)
  t.true(evictions > 0)
  return {
    largestSize: Math.max(...all.map(({ largestSize }) => largestSize)),
    mostBytes: Math.max(...all.map(({ mostBytes }) => mostBytes)),
  }
}

test('cache threads: max is reached and never exceeded while four threads store', async t => {
  const { largestSize } = await crowd(t, { max: 100 })
  t.is(largestSize, 100)
})

test('cache threads: max 1 is never exceeded while four threads store', async t => {
  const { largestSize } = await crowd(t, { max: 1 })
  t.is(largestSize, 1)
})

test('cache threads: maxSize is never exceeded while four threads store', async t => {
  const { mostBytes } = await crowd(t, { maxSize: 20_000 })
  t.true(mostBytes <= 20_000, String(mostBytes))
  t.true(mostBytes > 19_000, 'the bound was nearly reached')
})
