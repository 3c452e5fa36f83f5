/**
 * Drops caches without disposing of them and waits until the collector has closed them; run with
 * --expose-gc. Prints what holds; gives up where a cache is never closed.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { SessionCache } from 'tls-resumption'

const session = Buffer.from('a session')

/** In a function of its own, so that nothing on the stack refers to the cache. */
function openAndDrop(): void {
  new SessionCache({ name: 'dropped', max: 5 }).set('peer', session)
}

async function collect(): Promise<void> {
  gc?.()
  await delay(1)
}

openAndDrop()
for (;;) {
  await collect()
  try {
    const cache = new SessionCache({ name: 'dropped', max: 6 })
    console.log(`dropped: closed, and ${cache.size} of its sessions are left`)
    cache[Symbol.dispose]()
    break
  } catch (error) {
    const isOpen = (error as { code?: string }).code === 'ERR_TLS_RESUMPTION_NAME_CONFLICT'
    if (!isOpen || performance.now() > 45_000) throw error
  }
}

/** Makes a cache that takes over the handle of one that was disposed of and is then collected. */
function successor(): SessionCache {
  new SessionCache()[Symbol.dispose]()
  return new SessionCache().set('peer', session)
}

const successors = Array.from({ length: 20 }, successor)
for (let i = 0; i < 20; i++) await collect()
const working = successors.filter(cache => cache.get('peer')?.equals(session))
console.log(`disposed of and then collected: ${working.length} of 20 successors work`)

const kept = new SessionCache({ name: 'kept', max: 5 }).set('peer', session)
for (let i = 0; i < 20; i++) await collect()
console.log(`still in use: ${kept.has('peer') ? 'open' : 'closed'}`)
