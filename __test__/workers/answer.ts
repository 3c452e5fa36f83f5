/** Executes orders about a named cache, one message at a time, and posts each result. */
import { parentPort, workerData } from 'node:worker_threads'
import { SessionCache, type SessionCacheOptions } from 'tls-resumption'

export interface Order {
  do: 'open' | 'get' | 'set' | 'stats' | 'dispose'
  options?: SessionCacheOptions
}

let cache: SessionCache | undefined

parentPort?.on('message', (order: Order) => {
  try {
    parentPort?.postMessage({ result: execute(order) })
  } catch (error) {
    const { code, message } = error as { code?: string; message: string }
    parentPort?.postMessage({ code, message })
  }
})

function execute({ do: operation, options }: Order): unknown {
  switch (operation) {
    case 'open':
      cache = new SessionCache({ name: workerData as string, ...options })
      return 'open'
    case 'get':
      return cache?.get('peer')?.toString()
    case 'set':
      cache?.set('peer', Buffer.from('from the worker'))
      return 'set'
    case 'stats':
      return cache?.stats()
    case 'dispose':
      cache?.[Symbol.dispose]()
      return 'disposed'
  }
}
