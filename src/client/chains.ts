import { chainsOf } from '../cache/internal.js'
import type { SessionCache } from '../cache/session-cache.js'
import { onPurge } from '../key/purge-generation.js'
import { CertificateChain } from '../session/certificate-chain.js'
import { LruMap } from '../util/lru-map.js'
import { SECOND } from '../util/time.js'

/**
 * The largest chain that is stored, in encoded bytes: what the peer sent counts twice. Four certificates with keys and
 * signatures of ML-DSA-87 take some 53 KB, public chains up to 20 KB. A peer may send 100 KB (OpenSSL), and the process keeps
 * 16 MiB, so that larger ones could evict those of other peers.
 */
export const MAX_CHAIN_BYTES: number = 64 * 1024

interface KnownChain {
  readonly chain: CertificateChain
  /** When this thread last marked it as used in the store. */
  usedAt: number
  /** The file of that store; undefined for the store of the process. */
  usedIn: string | undefined
}

/** Chains that this thread has read or captured, by digest: to parse certificates takes some 50 µs each. */
const known = new LruMap<string, KnownChain>(1000)
/** The same ones, by the object of a digest: most connections to a peer bring the same one. */
let byObject = new WeakMap<Buffer, KnownChain>()
onPurge(() => {
  known.clear()
  byObject = new WeakMap()
})

/** Returns the object that this thread uses for an equal chain, whose certificates are parsed already. */
export function knownChain(chain: CertificateChain): CertificateChain {
  const id = chain.digest.toString('latin1')
  const same = known.get(id)
  if (same === undefined) known.set(id, { chain, usedAt: Number.NEGATIVE_INFINITY, usedIn: undefined })
  return same?.chain ?? chain
}

/**
 * Stores a chain for all users of the cache, before a session that relies on it: once a second at most, as it is marked as
 * used. Returns false if it is not kept: a file takes chains of 32 KiB at most.
 *
 * @param now milliseconds of any clock.
 */
export function storeChain(cache: SessionCache, chain: CertificateChain, now: number): boolean {
  const id = chain.digest.toString('latin1')
  const found = known.peek(id)
  if (found !== undefined && isRecent(found, cache, now)) return true
  if (!chainsOf(cache).put(chain.digest, chain.encode())) return false
  known.set(id, { chain, usedAt: now, usedIn: cache.path })
  return true
}

/**
 * Returns a stored chain and marks it as used, once a second at most. Undefined where it was evicted: its sessions must
 * not be offered, since the socket could not return its certificates.
 *
 * @param now milliseconds of any clock.
 */
export function findChain(cache: SessionCache, digest: Buffer, now: number): CertificateChain | undefined {
  const same = byObject.get(digest)
  if (same !== undefined && isRecent(same, cache, now)) return same.chain
  const id = digest.toString('latin1')
  const found = known.peek(id)
  if (found !== undefined && isRecent(found, cache, now)) {
    byObject.set(digest, found)
    return found.chain
  }
  return chainsOf(cache).borrow(digest, bytes => {
    const chain = found?.chain ?? CertificateChain.decode(bytes)
    // @guard verified-session › stored-with-verification › *: a chain that is stored under the digest of another one *
    //   ⇒ without `|| !chain.digest.equals(digest)`
    if (chain === undefined || !chain.digest.equals(digest)) return undefined
    const used = { chain, usedAt: now, usedIn: cache.path }
    known.set(id, used)
    byObject.set(digest, used)
    return chain
  })
}

function isRecent({ usedAt, usedIn }: KnownChain, cache: SessionCache, now: number): boolean {
  return Math.abs(now - usedAt) < SECOND && usedIn === cache.path
}
