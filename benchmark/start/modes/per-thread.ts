import { connect } from 'node:tls'
import { LRUCache } from 'lru-cache'
import cacheSessionIds from 'tls-session-cache'
import type { Dial, Mode } from './mode.ts'

/** A cache in JavaScript, on the heap of each thread, which no other thread can see. */
export const perThread: Mode = {
  client() {
    const sessions = new LRUCache<string, Buffer>({ max: 10_000 })
    return {
      connect(dial) {
        const key = keyOf(dial)
        const session = sessions.get(key)
        const socket = connect(session ? { ...dial, session } : dial)
        return socket.on('session', fresh => sessions.set(key, fresh))
      },
      close: () => sessions.clear(),
    }
  },
  server: server => cacheSessionIds(server),
}

/**
 * Enough for this benchmark, whose trust never changes. The key of a real cache needs every input that decided it.
 */
function keyOf({ host, port, cert }: Dial): string {
  return `${host}:${port}:${cert === undefined ? 'anonymous' : 'client certificate'}`
}
