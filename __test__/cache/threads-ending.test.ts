import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import test, { type ExecutionContext } from 'ava'
import { SessionCache } from 'tls-resumption'
import type { BusyData } from '../workers/busy.ts'
import { startWorker } from '../workers/start.ts'

/** Checks that the cache works and that its counters add up. */
function checkUsable(t: ExecutionContext, cache: SessionCache): void {
  const { sets, takes, deletes, replaced, cleared, evictions, expirations, size } = cache.stats()
  t.is(sets, takes + deletes + replaced + cleared + evictions + expirations + size)
  cache.clear()
  t.is(cache.size, 0)
  t.is(cache.bytes, 0)
  for (let i = 0; i < 50; i++) cache.set(`key ${i}`, Buffer.from(`blob ${i}`))
  for (let i = 0; i < 50; i++) t.is(cache.take(`key ${i}`)?.toString(), `blob ${i}`)
  t.is(cache.size, 0)
}

/** Checks that no cache of the name is open: then it can be opened with other options. */
function checkFree(t: ExecutionContext, name: string): void {
  t.notThrows(() => new SessionCache({ name, max: 7 })[Symbol.dispose](), `'${name}' is still open`)
}

test('cache threads: terminating a thread during an operation leaves the cache usable', async t => {
  const cache = new SessionCache({ name: t.title, max: 50 })
  for (let round = 0; round < 8; round++) {
    const data: BusyData = { name: t.title, progress: new SharedArrayBuffer(4) }
    const done = new Int32Array(data.progress)
    const workers = [startWorker('busy.ts', data), startWorker('busy.ts', data)]
    for (const worker of workers) worker.on('error', error => t.fail(String(error)))
    while (Atomics.load(done, 0) < 100 + round * 71) await delay(1)
    await Promise.all(workers.map(worker => worker.terminate()))

    checkUsable(t, cache)
    checkFree(t, `${t.title}, the worker's`)
  }
  cache[Symbol.dispose]()
  checkFree(t, t.title)
})

test('cache threads: terminating a thread does not disturb others', async t => {
  using cache = new SessionCache({ name: t.title, max: 50 })
  const data = (): BusyData => ({ name: t.title, progress: new SharedArrayBuffer(4) })
  const remaining = data()
  const remainingWorker = startWorker('busy.ts', remaining)
  remainingWorker.on('error', error => t.fail(String(error)))
  const progress = new Int32Array(remaining.progress)
  for (let round = 0; round < 4; round++) {
    const ends = data()
    const ending = startWorker('busy.ts', ends)
    while (Atomics.load(new Int32Array(ends.progress), 0) < 50) await delay(1)
    await ending.terminate()
    const before = Atomics.load(progress, 0)
    while (Atomics.load(progress, 0) < before + 50) await delay(1)
  }
  await remainingWorker.terminate()
  checkUsable(t, cache)
})

for (const then of ['process.exit', 'throw'] as const) {
  test(`cache threads: a thread that ends by ${then} closes its caches`, async t => {
    const cache = new SessionCache({ name: t.title, max: 50 })
    for (let round = 0; round < 3; round++) {
      const data: BusyData = { name: t.title, progress: new SharedArrayBuffer(4), then, rounds: 200 }
      const worker = startWorker('busy.ts', data)
      const errors: string[] = []
      worker.on('error', error => errors.push((error as Error).message))
      await new Promise(resolve => worker.once('exit', resolve))

      t.deepEqual(errors, then === 'throw' ? ['the worker fails on purpose'] : [])
      checkUsable(t, cache)
      checkFree(t, `${t.title}, the worker's`)
    }
    cache[Symbol.dispose]()
    checkFree(t, t.title)
  })
}

test('cache threads: a thread that ends without disposal closes its caches', async t => {
  const worker = startWorker('forgetful.ts', t.title)
  await once(worker, 'message')
  t.throws(() => new SessionCache({ name: t.title, max: 7 }), { code: 'ERR_TLS_RESUMPTION_NAME_CONFLICT' })
  worker.postMessage('end')
  await once(worker, 'exit')
  checkFree(t, t.title)
})
