import { once } from 'node:events'
import test, { type ExecutionContext } from 'ava'
import { SessionCache } from 'tls-resumption'
import type { Order } from '../workers/answer.ts'
import { startWorker } from '../workers/start.ts'

/** Starts a worker that executes orders about the cache of the name. */
function start(t: ExecutionContext, name: string): (order: Order) => Promise<unknown> {
  const worker = startWorker('answer.ts', name)
  t.teardown(() => worker.terminate())
  return async order => {
    const answer = once(worker, 'message')
    worker.postMessage(order)
    const [message] = await answer
    return 'result' in message ? message.result : message
  }
}

test('cache threads: main thread and workers share the sessions of a name', async t => {
  using cache = new SessionCache({ name: t.title }).set('peer', Buffer.from('from the main thread'))
  const [one, other] = [start(t, t.title), start(t, t.title)]
  t.is(await one({ do: 'open' }), 'open')
  t.is(await other({ do: 'open' }), 'open')

  t.is(await one({ do: 'get' }), 'from the main thread')
  t.is(await one({ do: 'set' }), 'set')
  t.is(await other({ do: 'get' }), 'from the worker')
  t.is(cache.get('peer')?.toString(), 'from the worker')
  t.deepEqual(await one({ do: 'stats' }), cache.stats())
  t.deepEqual(await other({ do: 'stats' }), cache.stats())
})

test('cache threads: options that contradict those of another thread are rejected', async t => {
  using _cache = new SessionCache({ name: t.title, max: 5 })
  const worker = start(t, t.title)
  t.deepEqual(await worker({ do: 'open', options: { max: 6 } }), {
    code: 'ERR_TLS_RESUMPTION_NAME_CONFLICT',
    message: `The cache '${t.title}' is open with other options: max is 5, asked for 6`,
  })
  t.is(await worker({ do: 'open', options: { max: 5 } }), 'open')
})

test('cache threads: sessions exist while any thread has the name open', async t => {
  const cache = new SessionCache({ name: t.title }).set('peer', Buffer.from('from the main thread'))
  const worker = start(t, t.title)
  await worker({ do: 'open' })
  cache[Symbol.dispose]()
  t.is(await worker({ do: 'get' }), 'from the main thread')

  t.throws(() => new SessionCache({ name: t.title, max: 5 }), { code: 'ERR_TLS_RESUMPTION_NAME_CONFLICT' })
  t.is(await worker({ do: 'dispose' }), 'disposed')
  using again = new SessionCache({ name: t.title, max: 5 })
  t.false(again.has('peer'))
})

test('cache threads: disposal in one thread does not affect other threads', async t => {
  using cache = new SessionCache({ name: t.title })
  const worker = start(t, t.title)
  await worker({ do: 'open' })
  await worker({ do: 'set' })
  await worker({ do: 'dispose' })
  t.is(cache.get('peer')?.toString(), 'from the worker')
  t.is(((await worker({ do: 'get' })) as { code: string }).code, 'ERR_TLS_RESUMPTION_DISPOSED')
})

test('cache threads: a cache of an ended worker stays if another thread has it open', async t => {
  const worker = startWorker('answer.ts', t.title)
  worker.postMessage({ do: 'open', options: { max: 5 } } satisfies Order)
  await once(worker, 'message')
  worker.postMessage({ do: 'set' } satisfies Order)
  await once(worker, 'message')
  using cache = new SessionCache({ name: t.title, max: 5 })
  await worker.terminate()
  t.is(cache.get('peer')?.toString(), 'from the worker')
})
