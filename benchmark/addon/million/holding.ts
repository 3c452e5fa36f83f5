/**
 * Runs in a process of its own for `million.ts`, with `--expose-gc`. Stores a million sessions, then adds and
 * removes others.
 */
import { randomBytes } from 'node:crypto'
import { PerformanceObserver, constants as perf } from 'node:perf_hooks'
import { setImmediate } from 'node:timers/promises'
import { LRUCache } from 'lru-cache'
import { SessionCache } from 'tls-resumption'
import { median } from '../../lib/statistics.ts'
import { BLOB, ENTRIES, type Held } from './held.ts'

/** Sessions per turn of the event loop, once the store is full. */
const COMING = 200_000
const IN_TURN = 500
const COLLECTIONS = 7

type Keep = (key: string, session: Buffer) => unknown

const STORES: Record<string, () => Keep> = {
  nothing: () => () => {},
  'tls-resumption'() {
    const cache = new SessionCache({ max: ENTRIES, maxSize: 2 * ENTRIES * BLOB, sweepInterval: 0 })
    return (key, session) => cache.set(key, session)
  },
  'lru-cache'() {
    const cache = new LRUCache<string, Buffer>({ max: ENTRIES, ttl: 3_600_000 })
    return (key, session) => cache.set(key, session)
  },
}

const [name = 'nothing'] = process.argv.slice(2)
const store = STORES[name]
const gc = globalThis.gc
if (store === undefined || gc === undefined) throw new RangeError(`not ${name}`)
process.stdout.write(JSON.stringify(await hold(store(), gc)))

async function hold(keep: Keep, gc: () => void): Promise<Held> {
  const session = randomBytes(BLOB)
  gc()
  const before = process.memoryUsage.rss()
  const begun = performance.now()
  // This package copies the blob. A store that does not gets one that it may keep.
  const given = name === 'lru-cache' ? () => delivered(session) : () => session
  for (let n = 0; n < ENTRIES; n++) keep(`session ${n}`, given())
  const fill = performance.now() - begun
  gc()
  const resident = process.memoryUsage.rss() - before
  const fullGc = median(Array.from({ length: COLLECTIONS }, () => time(gc)))
  return { fill, resident, fullGc, minorGc: await minor(keep, session) }
}

async function minor(keep: Keep, session: Buffer): Promise<Held['minorGc']> {
  const pauses: number[] = []
  const observer = new PerformanceObserver(list => {
    for (const entry of list.getEntries()) {
      const { duration, detail } = entry as typeof entry & { detail: { kind: number } }
      if (detail.kind === perf.NODE_PERFORMANCE_GC_MINOR) pauses.push(duration)
    }
  })
  observer.observe({ entryTypes: ['gc'] })
  for (let n = 0; n < COMING; n++) {
    keep(`session ${ENTRIES + n}`, delivered(session))
    if (n % IN_TURN === 0) await setImmediate()
  }
  await setImmediate()
  observer.disconnect()
  if (pauses.length === 0) return { median: 0, longest: 0, all: 0 }
  return {
    median: median(pauses),
    longest: Math.max(...pauses),
    all: pauses.reduce((sum, pause) => sum + pause, 0),
  }
}

/** In memory of its own, as Node hands out sessions. */
function delivered(session: Buffer): Buffer {
  const own = Buffer.allocUnsafeSlow(session.length)
  session.copy(own)
  return own
}

function time(run: () => void): number {
  const begun = performance.now()
  run()
  return performance.now() - begun
}
