import { createHash, X509Certificate } from 'node:crypto'
import type tls from 'node:tls'
import { translatePeerCertificate } from '../node/tls-internals.js'

/** OpenSSL verifies no longer chain by default. */
const MAX_CERTIFICATES = 100
const VERSION = 1

/** Node.js lists a self-signed certificate twice where the trust store has it as well. */
function withoutRoot({ ders, isSelfIssued }: Issuers): Buffer[] {
  const distinct = ders.filter((der, index) => index === 0 || !ders[index - 1]?.equals(der))
  return isSelfIssued && distinct.length > 1 ? distinct.slice(0, -1) : distinct
}

function areEqual(some: readonly Buffer[], others: readonly Buffer[]): boolean {
  return some.length === others.length && some.every((der, index) => der.equals(others[index] as Buffer))
}

/** Copies of the certificates from the peer's own to the last issuer, as DER. */
export interface Issuers {
  readonly ders: readonly Buffer[]
  /** True if the last one is its own issuer. */
  readonly isSelfIssued: boolean
}

interface Dates {
  readonly from: number
  readonly until: number
}

/** When all certificates of a chain are valid, in milliseconds since 1970. */
export interface Validity {
  readonly goodFrom: number
  readonly goodUntil: number
}

/**
 * The certificates of a full handshake: those that the peer sent, and their issuers up to the trust anchor. Node.js
 * forgets them on a resumed connection. Immutable; each thread has objects of its own.
 */
export class CertificateChain {
  /** SHA-256 over all of it. */
  readonly digest: Buffer
  /** The size of its encoding. */
  readonly byteLength: number
  readonly issuers: Issuers
  readonly #sent: readonly Buffer[]
  #certificates: readonly X509Certificate[] | undefined
  #dates: readonly Dates[] | undefined

  private constructor(issuers: Issuers, sent: readonly Buffer[]) {
    this.issuers = issuers
    this.#sent = sent
    const bytes = this.encode()
    this.byteLength = bytes.length
    this.digest = createHash('sha256').update(bytes).digest()
  }

  /**
   * Copies the certificates out of what Node.js gives to `checkServerIdentity`.
   *
   * @param last the chain of an earlier handshake. Where all certificates equal its own, the result is its `issuers`.
   * @returns undefined where there is no certificate.
   */
  static copyIssuers(certificate: tls.DetailedPeerCertificate, last?: CertificateChain): Issuers | undefined {
    const ders: Buffer[] = []
    let isSelfIssued = false
    let isSame = last !== undefined
    for (let next = certificate; next?.raw && !isSelfIssued; next = next.issuerCertificate) {
      if (ders.length === MAX_CERTIFICATES) return undefined
      const known = last?.issuers.ders[ders.length]
      // @guard verified-session › certificate-chain › certificate chain: one that equals the last is the same object*
      //   ⇒ `known?.equals(next.raw)` becomes `known`
      const der = known?.equals(next.raw) ? known : Buffer.from(next.raw)
      isSame &&= der === known
      ders.push(der)
      isSelfIssued = next.issuerCertificate === next
    }
    if (ders.length === 0) return undefined
    const of = last?.issuers
    const isLast = isSame && ders.length === of?.ders.length && isSelfIssued === of.isSelfIssued
    return isLast ? of : { ders, isSelfIssued }
  }

  /**
   * Returns the chain of a full handshake.
   *
   * @param sent the certificates as the peer sent them; undefined where that is not known: then all but a self-issued
   * root.
   * @param last the chain of an earlier handshake, which is returned where it is equal.
   */
  static of(
    issuers: Issuers,
    sent: readonly Buffer[] | undefined,
    last?: CertificateChain,
  ): CertificateChain {
    const own = sent ?? withoutRoot(issuers)
    // @guard verified-session › certificate-chain › certificate chain: one that equals the last is the same object*
    //   ⇒ without `&& areEqual(last.#sent, own)`
    if (last !== undefined && last.issuers === issuers && areEqual(last.#sent, own)) return last
    return new CertificateChain(issuers, own)
  }

  /** Reads what {@link CertificateChain.encode} wrote. Undefined for anything else. */
  static decode(bytes: Buffer): CertificateChain | undefined {
    const [version, selfIssued, issuerCount = 0, sentCount = 0] = bytes
    const ders: Buffer[] = []
    let at = 4
    while (at + 4 <= bytes.length) {
      const end = at + 4 + bytes.readUInt32LE(at)
      if (end > bytes.length) return undefined
      ders.push(Buffer.from(bytes.subarray(at + 4, end)))
      at = end
    }
    const isWhole = version === VERSION && at === bytes.length && ders.length === issuerCount + sentCount
    if (!isWhole || issuerCount === 0 || sentCount === 0) return undefined
    const issuers = { ders: ders.slice(0, issuerCount), isSelfIssued: selfIssued === 1 }
    return new CertificateChain(issuers, ders.slice(issuerCount))
  }

  /** Returns the chain as bytes: four numbers, then each certificate after its length. */
  encode(): Buffer {
    const { ders, isSelfIssued } = this.issuers
    const head = Buffer.from([VERSION, isSelfIssued ? 1 : 0, ders.length, this.#sent.length])
    const parts = [...ders, ...this.#sent].flatMap(der => {
      const length = Buffer.alloc(4)
      length.writeUInt32LE(der.length)
      return [length, der]
    })
    return Buffer.concat([head, ...parts])
  }

  /** True if these bytes, from `start` to `end`, are the peer's own certificate as DER. */
  hasLeaf(bytes: Uint8Array, start: number = 0, end: number = bytes.length): boolean {
    // Without a view of these bytes, which costs more than the comparison.
    return this.issuers.ders[0]?.compare(bytes, start, end) === 0
  }

  /** The certificates from the peer's own to the last issuer. */
  get certificates(): readonly X509Certificate[] {
    return this.#parsed
  }

  /** The peer's own certificate. */
  get leaf(): X509Certificate {
    return this.#parsed[0] as X509Certificate
  }

  /**
   * Returns for how long the verification of this chain holds that was done at `now`. Certificates that were not valid
   * then do not count: OpenSSL did not need them. Neither do those behind a trust anchor.
   */
  validity(now: number, isAnchor: (certificate: X509Certificate) => boolean): Validity {
    let goodFrom = Number.NEGATIVE_INFINITY
    let goodUntil = Number.POSITIVE_INFINITY
    for (const [index, { from, until }] of this.#allDates.entries()) {
      const isValid = from <= now && now < until
      if (!isValid || (from <= goodFrom && goodUntil <= until)) continue
      // Asked only where it matters: the default trust anchors take some 40 ms to read.
      if (this.#parsed.slice(0, index).some(isAnchor)) break
      goodFrom = Math.max(goodFrom, from)
      // @guard certificate-dates-and-names › certificate-chain › certificate chain: its verification holds while *
      goodUntil = Math.min(goodUntil, until)
    }
    return { goodFrom, goodUntil }
  }

  /** Returns the next time after `now` at which a certificate becomes valid or expires. */
  nextChange(now: number): number {
    const all = this.#allDates.flatMap(({ from, until }) => [from, until])
    return Math.min(...all.filter(date => date > now))
  }

  /** Returns a new object like that of `getPeerCertificate(true)` after the full handshake, issuers included. */
  peerCertificate(): tls.DetailedPeerCertificate {
    // Node.js writes some fields in another way than `toLegacyObject` does.
    const translated = this.#parsed.map(
      certificate =>
        translatePeerCertificate(certificate.toLegacyObject(), true) as tls.DetailedPeerCertificate,
    )
    for (const [index, certificate] of translated.entries()) {
      const issuer = translated[index + 1] ?? (this.issuers.isSelfIssued ? certificate : undefined)
      if (issuer) certificate.issuerCertificate = issuer
    }
    return translated[0] as tls.DetailedPeerCertificate
  }

  /** Returns a new object like that of `getPeerCertificate()`, without issuers. */
  abbreviatedPeerCertificate(): tls.PeerCertificate {
    return translatePeerCertificate(this.leaf.toLegacyObject(), false)
  }

  /** Returns a new object like that of `getPeerX509Certificate()`: its issuers are those that the peer sent. */
  peerX509Certificate(): X509Certificate {
    const certificates = this.#sent.map(der => new X509Certificate(der))
    for (const [index, certificate] of certificates.entries()) {
      const value = certificates[index + 1]
      Object.defineProperty(certificate, 'issuerCertificate', { value, configurable: true })
    }
    return certificates[0] as X509Certificate
  }

  get #parsed(): readonly X509Certificate[] {
    this.#certificates ??= this.issuers.ders.map(der => new X509Certificate(der))
    return this.#certificates
  }

  get #allDates(): readonly Dates[] {
    this.#dates ??= this.#parsed.map(({ validFrom, validTo }) => ({
      from: Date.parse(validFrom),
      until: Date.parse(validTo),
    }))
    return this.#dates
  }
}
