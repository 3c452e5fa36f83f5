import { types } from 'node:util'
import { native } from '../native/addon.js'
import { LruMap } from '../util/lru-map.js'

/**
 * What our sockets have emitted and we have kept, by mark. A library that passes such a blob back as
 * `session` only kept it for us; any other is its caller's.
 */
const marks = new Set<number>()

/** A peer that sends many tickets pushes out its own alone. */
const MAX_PER_KEY = 16
const MAX_KEYS = 1000
const byKey = new LruMap<string, number[]>(MAX_KEYS, forgotten => {
  for (const mark of forgotten) marks.delete(mark)
})

export function noteEmitted(key: string, session: Buffer): void {
  const mark = native.sessionMark(session)
  const ofKey = byKey.get(key)
  if (ofKey === undefined) byKey.set(key, [mark])
  else if (ofKey.push(mark) > MAX_PER_KEY) marks.delete(ofKey.shift() as number)
  marks.add(mark)
}

/** Whether a session given as an option is one of ours. */
export function isOurs(session: unknown): boolean {
  if (!types.isUint8Array(session)) return false
  // Another thread could change it while it is read.
  const isShared = types.isSharedArrayBuffer(session.buffer)
  return marks.has(native.sessionMark(isShared ? Buffer.from(session) : session))
}
