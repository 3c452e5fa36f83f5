import type { SecureVersion } from 'node:tls'
import type { Algorithm } from '../../fixtures/certificates.ts'

/** The properties that decide the cost of a full handshake. */
export interface Kind {
  version: SecureVersion
  algorithm: Algorithm
  clientCertificate: boolean
}

export const kinds: readonly Kind[] = (['rsa', 'ecdsa'] as const).flatMap(algorithm =>
  (['TLSv1.3', 'TLSv1.2'] as const).flatMap(version =>
    [true, false].map(clientCertificate => ({ version, algorithm, clientCertificate })),
  ),
)

export function labelOf({ version, algorithm, clientCertificate }: Kind): string {
  return `${algorithm.toUpperCase()}${clientCertificate ? ' + mTLS' : ''}, ${version.replace('v', ' ')}`
}
