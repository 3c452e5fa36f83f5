/**
 * Makes caches unreachable without disposing of them and waits until the garbage collector has closed them. Run with
 * --expose-gc. Prints what it finds, and throws if a cache is never closed.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { SessionCache } from 'tls-resumption'

const session = Buffer.from('a session')

/** Opens a cache in a function of its own, so that no stack frame refers to it afterwards. */
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

/** Creates a cache that gets the handle of a disposed cache, which is collected later. */
function createSuccessor(): SessionCache {
  new SessionCache()[Symbol.dispose]()
  return new SessionCache().set('peer', session)
}

const successors = Array.from({ length: 20 }, createSuccessor)
for (let i = 0; i < 20; i++) await collect()
const working = successors.filter(cache => cache.get('peer')?.equals(session))
console.log(`disposed of and then collected: ${working.length} of 20 successors work`)

const kept = new SessionCache({ name: 'kept', max: 5 }).set('peer', session)
for (let i = 0; i < 20; i++) await collect()
console.log(`still in use: ${kept.has('peer') ? 'open' : 'closed'}`)
