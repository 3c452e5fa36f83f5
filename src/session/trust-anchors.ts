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

/**
 * Returns until when the trust anchors among these certificates are valid by the certificates of the `ca` option, in
 * milliseconds since 1970. A peer may send another certificate of an anchor that lives longer. The default CAs are not
 * read for this: the result is Infinity.
 */
export function anchorsValidUntil(
  ca: unknown,
  certificates: readonly X509Certificate[],
  now: number,
): number {
  const anchors = ca ? [ca].flat(Number.POSITIVE_INFINITY).map(readAnchors) : []
  return Math.min(
    ...certificates.map(certificate => {
      const anchor = anchorOf(certificate)
      const valid = anchors
        .flatMap(map => map.get(anchor) ?? [])
        .filter(({ from, until }) => from <= now && now < until)
      return valid.length > 0 ? Math.max(...valid.map(({ until }) => until)) : Number.POSITIVE_INFINITY
    }),
  )
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

function anchorOf(certificate: X509Certificate): string {
  const key = certificate.publicKey.export({ type: 'spki', format: 'der' }).toString('base64')
  return `${certificate.subject}\n${key}`
}
