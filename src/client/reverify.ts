import type { X509Certificate } from 'node:crypto'
import tls from 'node:tls'
import { isBuiltin } from '../node/builtin-functions.js'
import type { CertificateChain } from '../session/certificate-chain.js'
import { LruMap } from '../util/lru-map.js'

export type CheckServerIdentity = NonNullable<tls.ConnectionOptions['checkServerIdentity']>

/** How a connection verifies its peer in a full handshake, as far as that can be done again. */
export interface PeerVerifier {
  /** True if an unauthorized peer ends the connection. */
  readonly isStrict: boolean
  /** The name that the peer has to prove. */
  readonly hostname: string
  readonly checkServerIdentity: CheckServerIdentity
  /** The `this` of that function. */
  readonly options: tls.ConnectionOptions
}

const MAX_NAMES = 100

/** Results of Node's own check for names that were asked about. The same certificate is checked until it is renewed. */
const results = new WeakMap<X509Certificate, LruMap<string, { error: Error | undefined }>>()

/**
 * Calls the caller's `checkServerIdentity` with the object that it got in the full handshake, issuers included.
 *
 * @returns the error that it returns; undefined where it has none.
 * @throws what it throws.
 */
export function checkIdentity(chain: CertificateChain, verifier: PeerVerifier): Error | undefined {
  const { hostname, checkServerIdentity, options } = verifier
  // A fresh object each time, because the function may change it.
  // @guard certificate-dates-and-names › reverify › *: a checkServerIdentity that has changed its mind is
  //   asked again
  //   ⇒ if false
  // @guard certificate-dates-and-names › reverify › a checkServerIdentity is asked as a method of the
  //   options*
  //   ⇒ `checkServerIdentity.call(options, hostname, chain.peerCertificate())` becomes `checkServerIdentity(hostname, chain.peerCertificate())`
  // @guard certificate-dates-and-names › reverify › a check may do what it likes to the certificate it is
  //   shown
  //   ⇒ `chain.peerCertificate()` becomes `((chain as any).shown ??= chain.peerCertificate())`
  // @guard verified-session › chain-checks › *: an intermediate that checkServerIdentity denies from the third *
  //   ⇒ `chain.peerCertificate()` becomes `chain.abbreviatedPeerCertificate()`
  if (checkServerIdentity !== pureCheck) {
    // To Node.js, what is falsy is no error.
    return checkServerIdentity.call(options, hostname, chain.peerCertificate()) || undefined
  }
  let byName = results.get(chain.leaf)
  if (byName === undefined) {
    byName = new LruMap(MAX_NAMES)
    results.set(chain.leaf, byName)
  }
  let result = byName.get(hostname)
  if (result === undefined) {
    result = { error: checkServerIdentity.call(options, hostname, chain.abbreviatedPeerCertificate()) }
    byName.set(hostname, result)
  }
  return result.error
}

/**
 * Node's own check: its result depends on its arguments only, so it can be kept. A function that another package has put
 * in its place could decide otherwise tomorrow.
 */
// @guard certificate-dates-and-names › builtin-functions › a check in the place of the default one is asked
//   before each session is offered
//   ⇒ if true
const pureCheck = isBuiltin(tls.checkServerIdentity) ? tls.checkServerIdentity : undefined
