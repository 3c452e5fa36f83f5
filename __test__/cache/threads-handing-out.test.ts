import test from 'ava'
import { SessionCache } from 'tls-resumption'
import { blobOf, numberOf } from '../workers/blobs.ts'
import type { DrainData } from '../workers/drain.ts'
import { race } from '../workers/start.ts'

const BLOBS = 10_000

for (const operation of ['take', 'offer'] as const) {
  for (const { keys, name } of [
    { keys: BLOBS, name: 'one for each key' },
    { keys: 40, name: '250 for each key' },
  ]) {
    const title = operation === 'take' ? 'take returns' : 'offer with singleUse returns'
    test(`cache threads: ${title} each of ${BLOBS} blobs, ${name}, to exactly one of four threads`, async t => {
      using cache = new SessionCache({ name: t.title, singleUse: true, ticketsPerPeer: 255 })
      for (let i = 0; i < BLOBS; i++) cache.add(`key ${i % keys}`, blobOf(i))
      t.is(cache.size, BLOBS)

      const data: DrainData = { name: t.title, keys, operation }
      const got = (await race<number[]>(4, 'drain.ts', data)).flat()

      // A miss is always correct, so some blobs may remain.
      for (let key = 0; key < keys; key++) {
        for (let blob = cache.take(`key ${key}`); blob; blob = cache.take(`key ${key}`))
          got.push(numberOf(blob))
      }
      t.is(got.length, BLOBS, 'no blob was returned twice')
      t.is(new Set(got).size, BLOBS, 'no blob was lost')
      const { takes, evictions, size, bytes } = cache.stats()
      t.deepEqual({ takes, evictions, size, bytes }, { takes: BLOBS, evictions: 0, size: 0, bytes: 0 })
    })
  }
}
