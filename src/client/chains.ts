import { chainStore } from '../cache/internal.js'
import { onPurge } from '../key/purge-generation.js'
import { CertificateChain } from '../session/certificate-chain.js'
import { LruMap } from '../util/lru-map.js'
import { SECOND } from '../util/time.js'

interface KnownChain {
  readonly chain: CertificateChain
  /** When this thread last marked it as used in the store. */
  usedAt: number
}

/** Chains that this thread has read or captured, by digest: to parse certificates takes some 50 µs each. */
const known = new LruMap<string, KnownChain>(1000)
onPurge(() => known.clear())

/** Returns the object that this thread uses for an equal chain, whose certificates are parsed already. */
export function knownChain(chain: CertificateChain): CertificateChain {
  const id = chain.digest.toString('latin1')
  const same = known.get(id)
  if (same === undefined) known.set(id, { chain, usedAt: Number.NEGATIVE_INFINITY })
  return same?.chain ?? chain
}

/**
 * Stores a chain for all threads, before a session that relies on it: once a second at most, as it is marked as used.
 *
 * @param now milliseconds of any clock.
 */
export function storeChain(chain: CertificateChain, now: number): void {
  const id = chain.digest.toString('latin1')
  const found = known.peek(id)
  if (found !== undefined && Math.abs(now - found.usedAt) < SECOND) return
  chainStore.put(chain.digest, chain.encode())
  known.set(id, { chain, usedAt: now })
}

/**
 * Returns a stored chain and marks it as used, once a second at most. Undefined where it was evicted: its sessions must
 * not be offered, since the socket could not return its certificates.
 *
 * @param now milliseconds of any clock.
 */
export function findChain(digest: Buffer, now: number): CertificateChain | undefined {
  const id = digest.toString('latin1')
  const found = known.peek(id)
  if (found !== undefined && Math.abs(now - found.usedAt) < SECOND) return found.chain
  return chainStore.borrow(digest, bytes => {
    const chain = found?.chain ?? CertificateChain.decode(bytes)
    if (chain === undefined || !chain.digest.equals(digest)) return undefined
    known.set(id, { chain, usedAt: now })
    return chain
  })
}
