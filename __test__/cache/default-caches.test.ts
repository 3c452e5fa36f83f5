import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import test from 'ava'
import { clientCache, serverCache } from '../../dist/cache/default-caches.js'

test.serial('default caches: they survive the last thread that had them open', async t => {
  const inWorker = async (action: string) => {
    const worker = new Worker(new URL('../workers/default-cache.ts', import.meta.url), { workerData: action })
    const [answer] = await once(worker, 'message')
    await worker.terminate()
    return answer
  }
  await inWorker('set')
  t.is(await inWorker('get'), 'a session')
})

test.serial('default caches: clients and servers do not share one', t => {
  const [client, server] = [clientCache(undefined), serverCache(undefined)]
  client?.set('peer', Buffer.from('a session'))
  t.true(client?.has('peer'))
  t.false(server?.has('peer'))
  t.is(clientCache(undefined), client)
})
