import { X509Certificate } from 'node:crypto'
import tls from 'node:tls'
import { LruMap } from '../util/lru-map.js'

/** A certificate in text form. */
const PEM =
  /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----[\s\S]+?-----END (?:TRUSTED |X509 )?CERTIFICATE-----/g

/** The default certificates, some 150 texts, and those of several `ca` options. */
const MAX_TEXTS = 512

/** When a certificate of a trust anchor is valid, in milliseconds since 1970. */
interface Dates {
  readonly from: number
  readonly until: number
}

/** The certificates of each trust anchor, by its name and public key. */
type Anchors = ReadonlyMap<string, readonly Dates[]>

/** Trust anchors by the text that they were read from. */
const read = new LruMap<string, Anchors>(MAX_TEXTS)

/**
 * Returns a function that is true for the trust anchors of a connection with this `ca` option. An anchor is a name and a
 * public key (RFC 5280 section 6.1.1), so another certificate for them, as of a cross-signed root, is one as well.
 *
 * It reads the certificates at its first call. Certificates that cannot be read are no anchors.
 */
export function isTrustAnchor(ca: unknown): (certificate: X509Certificate) => boolean {
  let anchors: readonly Anchors[] | undefined
  return certificate => {
    anchors ??= (ca ? [ca].flat(Number.POSITIVE_INFINITY) : defaultCertificates()).map(readAnchors)
    const anchor = anchorOf(certificate)
    return anchors.some(map => map.has(anchor))
  }
}

/** How long the trust anchors of a chain are valid, in milliseconds since 1970. Infinity: no known date bounds it. */
export interface AnchorValidity {
  readonly until: number
  /** The next time at which one of their certificates becomes valid or expires. */
  readonly nextChange: number
}

/**
 * Returns how long the trust anchors among these certificates are valid by the certificates of the `ca` option. A peer may
 * send another certificate of an anchor that lives longer. The default CAs are not read for this.
 */
export function anchorValidity(
  ca: unknown,
  certificates: readonly X509Certificate[],
  now: number,
): AnchorValidity {
  let until = Number.POSITIVE_INFINITY
  let nextChange = Number.POSITIVE_INFINITY
  const anchors = ca ? [ca].flat(Number.POSITIVE_INFINITY).map(readAnchors) : []
  for (const certificate of certificates) {
    const dates = anchors.flatMap(map => map.get(anchorOf(certificate)) ?? [])
    const valid = dates.filter(date => date.from <= now && now < date.until)
    if (valid.length > 0) until = Math.min(until, Math.max(...valid.map(date => date.until)))
    const later = dates.flatMap(date => [date.from, date.until]).filter(date => date > now)
    nextChange = Math.min(nextChange, ...later)
  }
  return { until, nextChange }
}

function defaultCertificates(): readonly string[] {
  const { getCACertificates } = tls as { getCACertificates?(type: 'default'): readonly string[] }
  return getCACertificates?.('default') ?? tls.rootCertificates
}

function readAnchors(source: unknown): Anchors {
  if (typeof source !== 'string' && !ArrayBuffer.isView(source)) return new Map()
  const text =
    typeof source === 'string'
      ? source
      : Buffer.from(source.buffer, source.byteOffset, source.byteLength).toString('latin1')
  let anchors = read.get(text)
  if (anchors === undefined) {
    const found = new Map<string, Dates[]>()
    for (const pem of text.match(PEM) ?? []) addAnchor(found, pem)
    anchors = found
    read.set(text, anchors)
  }
  return anchors
}

function addAnchor(anchors: Map<string, Dates[]>, pem: string): void {
  try {
    const certificate = new X509Certificate(pem)
    // An intermediate among the CAs is no anchor: OpenSSL goes on to its root.
    // @guard certificate-dates-and-names › certificate-chain › trust anchors: an intermediate is none* ⇒ if false
    if (!certificate.checkIssued(certificate)) return
    const anchor = anchorOf(certificate)
    const dates = { from: Date.parse(certificate.validFrom), until: Date.parse(certificate.validTo) }
    anchors.set(anchor, [...(anchors.get(anchor) ?? []), dates])
  } catch {
    // A certificate that Node.js cannot read is no anchor.
  }
}

/** The anchors of certificates: to export a public key takes some 50 µs. */
const anchorsOf = new WeakMap<X509Certificate, string>()

function anchorOf(certificate: X509Certificate): string {
  let anchor = anchorsOf.get(certificate)
  if (anchor === undefined) {
    const key = certificate.publicKey.export({ type: 'spki', format: 'der' }).toString('base64')
    anchor = `${certificate.subject}\n${key}`
    anchorsOf.set(certificate, anchor)
  }
  return anchor
}
