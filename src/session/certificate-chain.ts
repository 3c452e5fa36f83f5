import { createHash, X509Certificate } from 'node:crypto'
import type tls from 'node:tls'
import { translatePeerCertificate } from '../node/tls-internals.js'

/** OpenSSL verifies no longer chain by default. */
const MAX_CERTIFICATES = 100
const VERSION = 1

/** Node.js lists a self-signed certificate twice where the trust store has it as well. */
function withoutRoot(issuers: readonly Buffer[], isSelfIssued: boolean): Buffer[] {
  const distinct = issuers.filter((der, index) => index === 0 || !issuers[index - 1]?.equals(der))
  return isSelfIssued && distinct.length > 1 ? distinct.slice(0, -1) : distinct
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
  readonly #issuers: readonly Buffer[]
  readonly #sent: readonly Buffer[]
  readonly #isSelfIssued: boolean
  #certificates: readonly X509Certificate[] | undefined

  private constructor(issuers: readonly Buffer[], sent: readonly Buffer[], isSelfIssued: boolean) {
    this.#issuers = issuers
    this.#sent = sent
    this.#isSelfIssued = isSelfIssued
    this.digest = createHash('sha256').update(this.encode()).digest()
  }

  /**
   * Copies the certificates out of what Node.js gives to `checkServerIdentity`.
   *
   * @param sent the certificates as the peer sent them; undefined where that is not known: then all but a self-issued
   * root.
   * @returns undefined where there is no certificate.
   */
  static capture(
    certificate: tls.DetailedPeerCertificate,
    sent: readonly Buffer[] | undefined,
  ): CertificateChain | undefined {
    const issuers: Buffer[] = []
    let isSelfIssued = false
    for (let next = certificate; next?.raw && !isSelfIssued; next = next.issuerCertificate) {
      if (issuers.length === MAX_CERTIFICATES) return undefined
      issuers.push(Buffer.from(next.raw))
      isSelfIssued = next.issuerCertificate === next
    }
    if (issuers.length === 0) return undefined
    return new CertificateChain(issuers, sent ?? withoutRoot(issuers, isSelfIssued), isSelfIssued)
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
    return new CertificateChain(ders.slice(0, issuerCount), ders.slice(issuerCount), selfIssued === 1)
  }

  /** Returns the chain as bytes: four numbers, then each certificate after its length. */
  encode(): Buffer {
    const head = Buffer.from([VERSION, this.#isSelfIssued ? 1 : 0, this.#issuers.length, this.#sent.length])
    const parts = [...this.#issuers, ...this.#sent].flatMap(der => {
      const length = Buffer.alloc(4)
      length.writeUInt32LE(der.length)
      return [length, der]
    })
    return Buffer.concat([head, ...parts])
  }

  /** True if this DER is the peer's own certificate. */
  hasLeaf(der: Uint8Array): boolean {
    return this.#issuers[0]?.equals(der) === true
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
    for (const [index, certificate] of this.#parsed.entries()) {
      const [from, until] = [Date.parse(certificate.validFrom), Date.parse(certificate.validTo)]
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

  /** Returns a new object like that of `getPeerCertificate(true)` after the full handshake, issuers included. */
  peerCertificate(): tls.DetailedPeerCertificate {
    // Node.js writes some fields in another way than `toLegacyObject` does.
    const translated = this.#parsed.map(
      certificate =>
        translatePeerCertificate(certificate.toLegacyObject(), true) as tls.DetailedPeerCertificate,
    )
    for (const [index, certificate] of translated.entries()) {
      const issuer = translated[index + 1] ?? (this.#isSelfIssued ? certificate : undefined)
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
    this.#certificates ??= this.#issuers.map(der => new X509Certificate(der))
    return this.#certificates
  }
}
