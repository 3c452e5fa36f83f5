import type { SessionCache } from 'tls-resumption'
import { borrowVerified, storeVerified } from '../../dist/cache/internal.js'

/** A session with the record of its verification, as a cache stores them. */
export interface VerifiedSession {
  session: Buffer
  record: Buffer
}

/** Returns copies of what a connection would offer under the key. Does not take it out. */
export function readVerified(cache: SessionCache, key: string): VerifiedSession {
  const found = borrowVerified(cache, key, (session: Buffer, record: Buffer) => ({
    session: Buffer.from(session),
    record: Buffer.from(record),
  }))
  if (found === undefined) throw new Error('there is no session under the key')
  return found
}

/** Makes this the only session under the key. */
export function writeVerified(cache: SessionCache, key: string, { session, record }: VerifiedSession): void {
  cache.delete(key)
  storeVerified(cache, key, session, record, { ttl: 3_600_000, reusable: true, add: false })
}
