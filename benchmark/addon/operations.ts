/** Measures what an operation costs one thread, beside other caches. */
import { randomBytes } from 'node:crypto'
import { createServer } from 'node:tls'
import { LRUCache } from 'lru-cache'
import { resumeSessions, SessionCache } from 'tls-resumption'
import tlsSessionCache from 'tls-session-cache'
import { borrowSession } from '../../dist/cache/internal.js'
import { cpu, Paired } from '../lib/paired.ts'

const KEYS = 1000
const CALLS = 50_000
const MAX = 10_000
const TTL = 3_600_000

export const OURS = 'tls-resumption'
export const LENT = 'tls-resumption, lent'
export const LRU = 'lru-cache with ttl'
export const COPIED = 'lru-cache with ttl, a copy'
export const PURE_JS = 'tls-session-cache'

/** By text, as a client looks for the session of a peer. */
export async function byText(rounds: number): Promise<{ get: Paired; set: Paired }> {
  const keys = Array.from(
    { length: KEYS },
    (_, index) => `tcp:host-${index}.example:5432 ${randomBytes(12).toString('hex')}`,
  )
  const blob = randomBytes(1024)
  const ours = new SessionCache({ max: MAX, ttl: TTL, sweepInterval: 0 })
  const lru = new LRUCache<string, Buffer>({ max: MAX, ttl: TTL })
  for (const key of keys) {
    ours.set(key, blob)
    lru.set(key, own(blob))
  }
  const key = (index: number) => keys[index] as string
  const cost = (run: (index: number) => unknown) => cpu(run, KEYS, CALLS)
  const get = await Paired.measure(
    {
      [OURS]: cost(index => ours.get(key(index))),
      [LENT]: cost(index => borrowSession(ours, 'get', key(index), lengthOf)),
      [LRU]: cost(index => lru.get(key(index))),
      [COPIED]: cost(index => own(lru.get(key(index)) as Buffer)),
    },
    rounds,
  )
  const set = await Paired.measure(
    {
      [OURS]: cost(index => ours.set(key(index), blob)),
      [LRU]: cost(index => lru.set(key(index), blob)),
      [COPIED]: cost(index => lru.set(key(index), own(blob))),
    },
    rounds,
  )
  return { get, set }
}

/** By id, as servers are asked: by the events of two servers, which get the same ids and sessions. */
export async function byId(session: Buffer, rounds: number): Promise<{ resume: Paired; store: Paired }> {
  const ids = Array.from({ length: KEYS }, () => randomBytes(32))
  const [ours, pure] = [createServer(), createServer()]
  const resumption = resumeSessions(ours, {
    sessionCache: new SessionCache({ max: MAX, ttl: TTL, sweepInterval: 0 }),
  })
  tlsSessionCache(pure, { maxCachedSessions: MAX })
  let [asked, found] = [0, 0]
  const onSession = (_error: Error | null, blob: Buffer | null) => {
    if (blob?.length === session.length) found++
  }
  const done = () => {}
  const store = (server: typeof ours) =>
    cpu(index => server.emit('newSession', ids[index], session, done), KEYS, CALLS)
  const resume = (server: typeof ours) =>
    cpu(
      index => {
        asked++
        server.emit('resumeSession', ids[index], onSession)
      },
      KEYS,
      CALLS,
    )
  const stored = await Paired.measure({ [OURS]: store(ours), [PURE_JS]: store(pure) }, rounds)
  const resumed = await Paired.measure({ [OURS]: resume(ours), [PURE_JS]: resume(pure) }, rounds)
  if (found !== asked) throw new Error(`${asked - found} of ${asked} sessions were not found`)
  resumption[Symbol.dispose]()
  return { resume: resumed, store: stored }
}

/** In memory of its own, as Node hands out sessions. */
function own(blob: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(blob.length)
  blob.copy(copy)
  return copy
}

function lengthOf(blob: Buffer): number {
  return blob.length
}
