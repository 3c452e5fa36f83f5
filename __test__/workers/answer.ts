/** Does with a named cache what it is told, one message at a time, and posts what came of it. */
import { parentPort, workerData } from 'node:worker_threads'
import { SessionCache, type SessionCacheOptions } from 'tls-resumption'

export interface Order {
  do: 'open' | 'get' | 'set' | 'stats' | 'dispose'
  options?: SessionCacheOptions
}

let cache: SessionCache | undefined

parentPort?.on('message', (order: Order) => {
  try {
    parentPort?.postMessage({ result: obey(order) })
  } catch (error) {
    const { code, message } = error as { code?: string; message: string }
    parentPort?.postMessage({ code, message })
  }
})

function obey({ do: operation, options }: Order): unknown {
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
      return 'disposed of'
  }
}
