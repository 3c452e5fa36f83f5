import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import test from 'ava'
import { clientCache, serverCache } from '../../dist/cache/default-caches.js'

test.serial('the default cache survives the thread that alone had it open', async t => {
  const inWorker = async (action: string) => {
    const worker = new Worker(new URL('../workers/default-cache.ts', import.meta.url), { workerData: action })
    const [answer] = await once(worker, 'message')
    await worker.terminate()
    return answer
  }
  await inWorker('set')
  t.is(await inWorker('get'), 'a session')
})

test.serial('clients and servers have default caches of their own', t => {
  const [client, server] = [clientCache(undefined), serverCache(undefined)]
  client?.set('peer', Buffer.from('a session'))
  t.true(client?.has('peer'))
  t.false(server?.has('peer'))
  t.is(clientCache(undefined), client)
})
