import { native } from '../native/addon.js'
import type { CertificateChain, Validity } from './certificate-chain.js'
import { anchorValidity, isTrustAnchor } from './trust-anchors.js'

/** What bounds the verification of a chain besides the dates of its certificates. */
export interface TrustInputs {
  /** The option `ca`. */
  readonly ca: unknown
  readonly crls: readonly unknown[]
  /** True if the caller gave a SecureContext: its trust anchors are not known. */
  readonly hasOwnContext: boolean
}

interface Known {
  readonly chain: CertificateChain
  readonly validity: Validity
  /** While the clock shows a time from `from` and before `until`, the result is the same. */
  readonly from: number
  readonly until: number
}

/**
 * Says for how long a verification holds. To be used with the inputs of one session key, because it keeps the last result:
 * that of a chain is the same until a date has passed.
 */
export class ChainValidity {
  #last: Known | undefined

  /** Returns when a verification holds that is done at `now`. Undefined where a revocation list cannot be read. */
  at(now: number, chain: CertificateChain, readInputs: () => TrustInputs): Validity | undefined {
    const last = this.#last
    // @guard certificate-dates-and-names › chain-validity › chain validity: the last result counts until a date has passed
    //   ⇒ without `&& now < last.until`
    if (last?.chain === chain && last.from <= now && now < last.until) return last.validity
    const { ca, crls, hasOwnContext } = readInputs()
    const crlsUntil = crlsCurrentUntil(crls, now)
    if (crlsUntil === undefined) return undefined
    const { goodFrom, goodUntil } = chain.validity(now, hasOwnContext ? () => false : isTrustAnchor(ca))
    const anchors = anchorValidity(ca, chain.certificates, now)
    const validity = {
      goodFrom,
      // @guard verified-session › verified-again › *: a revocation list whose next update passes *
      //   ⇒ without `crlsUntil, `
      // @guard certificate-dates-and-names › verified-again › *: a trust anchor that expires before *
      //   ⇒ without `, anchors.until`
      goodUntil: Math.min(goodUntil, crlsUntil, anchors.until),
    }
    // Which revocation lists are current changes at dates that are not known here.
    const until = crls.length > 0 ? now : Math.min(chain.nextChange(now), anchors.nextChange)
    this.#last = { chain, validity, from: now, until }
    return validity
  }
}

/** Returns until when all CRLs are current, in milliseconds since 1970. Undefined where one cannot be read. */
function crlsCurrentUntil(crls: readonly unknown[], now: number): number | undefined {
  let until = Number.POSITIVE_INFINITY
  for (const crl of crls) {
    const next = native.crlNextUpdate(typeof crl === 'string' ? Buffer.from(crl) : (crl as Uint8Array), now)
    // @guard verified-session › chain-validity › chain validity: revocation lists are read each time*
    if (Number.isNaN(next)) return undefined
    until = Math.min(until, next)
  }
  return until
}
