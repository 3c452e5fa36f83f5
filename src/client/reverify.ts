import type { X509Certificate } from 'node:crypto'
import tls from 'node:tls'
import type { SessionCache } from '../cache/session-cache.js'
import { isBuiltin } from '../node/builtin-functions.js'
import type { CertificateChain } from '../session/certificate-chain.js'
import { readSessionInfo, TLS_1_3 } from '../session/session-info.js'
import { isCurrent, type Verification } from '../session/verified-session.js'
import { LruMap } from '../util/lru-map.js'
import { wallClock } from '../util/time.js'
import { findChain } from './chains.js'

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

/** What decides whether a session may be offered. */
export interface VerifierInputs {
  readonly cache: SessionCache
  readonly verifier: PeerVerifier
  /** How old the verification of a session may be, in milliseconds. */
  readonly maxAge: number
}

/** A session that may be offered. */
export interface OfferedSession {
  readonly verification: Verification
  readonly chain: CertificateChain
  /** What `checkServerIdentity` returns now. A caller that is not strict finds it in `authorizationError`. */
  readonly identityError: Error | undefined
  readonly isBelowTls13: boolean
}

/**
 * Verifies the peer of a session again, as far as that is possible without it.
 *
 * @returns undefined where a full handshake might not authorize the peer now, or would authorize it otherwise.
 */
export function reverify(
  session: Buffer,
  verification: Verification | undefined,
  { cache, verifier, maxAge }: VerifierInputs,
  now: number = wallClock(),
): OfferedSession | undefined {
  // @guard verified-session › verified-again › *: maxAge is that of the connection that offers, *
  //   ⇒ without `|| !isCurrent(verification, maxAge, now)`
  if (verification === undefined || !isCurrent(verification, maxAge, now)) return undefined
  const info = readSessionInfo(session)
  const chain = findChain(cache, verification.chainDigest, now)
  if (info === undefined || chain === undefined) return undefined
  // @guard verified-session › verified-again › *: a session with another certificate than its chain has is not *
  if (!chain.hasLeaf(session, info.leafStart, info.leafEnd)) return undefined
  // @guard verified-session › stored-with-verification › *: a session that says otherwise * than its record *
  if (info.verified !== verification.isChainVerified) return undefined
  const isBelowTls13 = info.version < TLS_1_3
  // OpenSSL repeats the stored result of such a chain, so Node.js reports it without the check of the name.
  if (!info.verified) {
    // @guard verification-off › reverify › *: a strict caller does not offer a session whose chain was not
    //   verified
    //   ⇒ if false
    return verifier.isStrict ? undefined : { verification, chain, identityError: undefined, isBelowTls13 }
  }
  try {
    const identityError = checkIdentity(chain, verifier)
    // @guard certificate-dates-and-names › reverify › *: a checkServerIdentity that has changed its mind is
    //   asked again
    //   ⇒ `identityError === undefined || !verifier.isStrict` becomes `true`
    // @guard certificate-dates-and-names › reverify › *: a session whose certificate has another name is not
    //   offered
    //   ⇒ `identityError === undefined || !verifier.isStrict` becomes `true`
    const isAcceptable = identityError === undefined || !verifier.isStrict
    return isAcceptable ? { verification, chain, identityError, isBelowTls13 } : undefined
  } catch {
    // @guard certificate-dates-and-names › reverify › a checkServerIdentity that throws before an offer means
    //   a full handshake
    //   ⇒ `return undefined` becomes `return { verification, chain, identityError: undefined, isBelowTls13 }`
    // The caller's check threw. In doubt, a full handshake decides.
    return undefined
  }
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
// @guard certificate-dates-and-names › builtin-functions › a check that replaces the default one is asked
//   before each session is offered
//   ⇒ if true
const pureCheck = isBuiltin(tls.checkServerIdentity) ? tls.checkServerIdentity : undefined
