import { createHash, randomBytes } from 'node:crypto'
import { Worker } from 'node:worker_threads'
import test from 'ava'
import { chainStore } from '../../dist/cache/internal.js'
import { openedCaches } from '../../dist/cache/session-cache.js'

function digest(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest()
}

function borrow(key: Buffer): Buffer | undefined {
  return chainStore.borrow(key, blob => Buffer.from(blob))
}

// The tests share one store, so each has chains of its own, and the one that fills it comes last.
test.serial('chain store: a chain comes back under its digest and is wiped after use', t => {
  const chain = randomBytes(5000)
  t.is(borrow(digest(chain)), undefined)
  chainStore.put(digest(chain), chain)
  t.deepEqual(borrow(digest(chain)), chain)
  const lent = chainStore.borrow(digest(chain), blob => blob)
  t.deepEqual(lent, Buffer.alloc(5000))
})

test.serial('chain store: another thread finds the chain', async t => {
  const chain = randomBytes(1000)
  chainStore.put(digest(chain), chain)
  const program = `
    const { parentPort, workerData } = require('node:worker_threads')
    import(workerData.module).then(({ chainStore }) => {
      const found = chainStore.borrow(workerData.key, blob => blob.toString('hex'))
      parentPort.postMessage(found)
    })`
  const module = new URL('../../dist/cache/internal.js', import.meta.url).href
  const worker = new Worker(program, { eval: true, workerData: { module, key: digest(chain) } })
  const found = await new Promise((resolve, reject) => worker.on('message', resolve).on('error', reject))
  t.is(found, chain.toString('hex'))
})

test.serial('chain store: it is none of the caches that metrics report', t => {
  chainStore.put(digest(Buffer.from('a')), Buffer.from('a'))
  t.deepEqual([...openedCaches], [])
})

test.serial('chain store: a chain larger than the store is not kept', t => {
  const key = randomBytes(32)
  t.notThrows(() => chainStore.put(key, Buffer.alloc(16 * 1024 * 1024 + 1, 1)))
  t.is(borrow(key), undefined)
})

test.serial('chain store: at most 1,000 chains are kept, and a read one outlives older ones', t => {
  const keys = Array.from({ length: 3000 }, () => randomBytes(32))
  const [first] = keys as [Buffer]
  for (const key of keys) {
    chainStore.put(key, Buffer.from('a chain'))
    t.truthy(borrow(first))
  }
  const kept = keys.filter(key => borrow(key) !== undefined)
  t.is(kept.length, 1000)
})
