import { types } from 'node:util'
import { BoundedMap } from './bounded-map.js'
import { native } from './native.js'

/**
 * What our sockets have emitted and we have kept, by mark. A library that passes such a blob back as
 * `session` only kept it for us; any other is its caller's.
 */
const marks = new Set<number>()

/** A peer that sends many tickets pushes out its own alone. */
const MAX_PER_KEY = 16
const MAX_KEYS = 1000
const byKey = new BoundedMap<string, number[]>(MAX_KEYS, forgotten => {
  for (const mark of forgotten) marks.delete(mark)
})

export function noteEmitted(key: string, session: Buffer): void {
  const mark = native.sessionMark(session)
  const ofKey = byKey.get(key)
  if (ofKey === undefined) byKey.set(key, [mark])
  else if (ofKey.push(mark) > MAX_PER_KEY) marks.delete(ofKey.shift() as number)
  marks.add(mark)
}

const leftAlone = new WeakSet<object>()

/**
 * The same for a peer that is left alone, in a fraction of the time. A copy of such a session is not known for ours; but
 * then the peer has refused many in a row.
 */
export function noteLeftAlone(session: Buffer): void {
  leftAlone.add(session)
}

/** Whether a session given as an option is one of ours. */
export function isOurs(session: unknown): boolean {
  if (!types.isUint8Array(session)) return false
  if (leftAlone.has(session)) return true
  // Another thread could change it while it is read.
  const isShared = types.isSharedArrayBuffer(session.buffer)
  return marks.has(native.sessionMark(isShared ? Buffer.from(session) : session))
}
