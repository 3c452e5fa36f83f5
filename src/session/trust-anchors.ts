import { X509Certificate } from 'node:crypto'
import tls from 'node:tls'
import { LruMap } from '../util/lru-map.js'

/** A certificate in text form. */
const PEM =
  /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----[\s\S]+?-----END (?:TRUSTED |X509 )?CERTIFICATE-----/g

/** The default certificates, some 150 texts, and those of several `ca` options. */
const MAX_TEXTS = 512

/** Names and public keys of trust anchors, by the text that they were read from. */
const read = new LruMap<string, ReadonlySet<string>>(MAX_TEXTS)

/**
 * Returns a function that is true for the trust anchors of a connection with this `ca` option. An anchor is a name and a
 * public key (RFC 5280 section 6.1.1), so another certificate for them, as of a cross-signed root, is one as well.
 *
 * It reads the certificates at its first call. Certificates that cannot be read are no anchors.
 */
export function isTrustAnchor(ca: unknown): (certificate: X509Certificate) => boolean {
  let anchors: readonly ReadonlySet<string>[] | undefined
  return certificate => {
    anchors ??= (ca ? [ca].flat(Number.POSITIVE_INFINITY) : defaultCertificates()).map(readAnchors)
    const anchor = anchorOf(certificate)
    return anchors.some(set => set.has(anchor))
  }
}

function defaultCertificates(): readonly string[] {
  const { getCACertificates } = tls as { getCACertificates?(type: 'default'): readonly string[] }
  return getCACertificates?.('default') ?? tls.rootCertificates
}

function readAnchors(source: unknown): ReadonlySet<string> {
  if (typeof source !== 'string' && !ArrayBuffer.isView(source)) return new Set()
  const text =
    typeof source === 'string'
      ? source
      : Buffer.from(source.buffer, source.byteOffset, source.byteLength).toString('latin1')
  let anchors = read.get(text)
  if (anchors === undefined) {
    anchors = new Set((text.match(PEM) ?? []).flatMap(pem => readAnchor(pem)))
    read.set(text, anchors)
  }
  return anchors
}

function readAnchor(pem: string): string[] {
  try {
    const certificate = new X509Certificate(pem)
    // An intermediate among the CAs is no anchor: OpenSSL goes on to its root.
    // @guard certificate-dates-and-names › certificate-chain › trust anchors: an intermediate is none* ⇒ if true
    return certificate.checkIssued(certificate) ? [anchorOf(certificate)] : []
  } catch {
    return []
  }
}

function anchorOf(certificate: X509Certificate): string {
  const key = certificate.publicKey.export({ type: 'spki', format: 'der' }).toString('base64')
  return `${certificate.subject}\n${key}`
}
