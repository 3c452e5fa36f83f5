import { types } from 'node:util'
import { BoundedMap } from './bounded-map.js'
import { sha256 } from './digest.js'

/**
 * What our sockets have emitted and we have kept, by digest. A library that passes such a blob back as
 * `session` only kept it for us; any other is its caller's.
 */
const digests = new Set<string>()

/** A peer that sends many tickets pushes out its own alone. */
const MAX_PER_KEY = 16
const MAX_KEYS = 1000
const byKey = new BoundedMap<string, string[]>(MAX_KEYS, forgotten => {
  for (const digest of forgotten) digests.delete(digest)
})

export function noteEmitted(key: string, session: Buffer): void {
  const digest = sha256(session)
  const ofKey = byKey.get(key) ?? []
  if (ofKey.push(digest) > MAX_PER_KEY) digests.delete(ofKey.shift() ?? '')
  byKey.set(key, ofKey)
  digests.add(digest)
}

/** Whether a session given as an option is one of ours. */
export function isOurs(session: unknown): boolean {
  return types.isUint8Array(session) && digests.has(sha256(session))
}
