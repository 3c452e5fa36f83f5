import { chainStore } from '../cache/internal.js'
import { onPurge } from '../key/purge-generation.js'
import { CertificateChain } from '../session/certificate-chain.js'
import { LruMap } from '../util/lru-map.js'

/** Chains that this thread has read or captured, by digest: to parse certificates takes some 50 µs each. */
const known = new LruMap<string, CertificateChain>(1000)
onPurge(() => known.clear())

/** Returns the object that this thread uses for an equal chain, whose certificates are parsed already. */
export function knownChain(chain: CertificateChain): CertificateChain {
  const id = chain.digest.toString('latin1')
  const same = known.get(id)
  if (same === undefined) known.set(id, chain)
  return same ?? chain
}

/** Stores a chain for all threads, before a session that relies on it. */
export function storeChain(chain: CertificateChain): void {
  chainStore.put(chain.digest, chain.encode())
}

/**
 * Returns a stored chain and marks it as used. Undefined where it was evicted: its sessions must not be offered, since
 * the socket could not return its certificates.
 */
export function findChain(digest: Buffer): CertificateChain | undefined {
  return chainStore.borrow(digest, bytes => {
    const id = digest.toString('latin1')
    let chain = known.get(id)
    if (chain === undefined) {
      chain = CertificateChain.decode(bytes)
      if (chain === undefined || !chain.digest.equals(digest)) return undefined
      known.set(id, chain)
    }
    return chain
  })
}
