import { constants } from 'node:crypto'
import type { TlsOptions } from 'node:tls'
import type { Kind as Cost } from '../client/kinds.ts'

/** The mechanism of a resumption. */
export type Mechanism = 'ids' | 'tickets'

export interface Kind extends Cost {
  mechanism: Mechanism
}

/** How a server resumes. */
export type Mode = 'Node alone' | 'bare hooks' | 'tls-session-cache' | 'tls-resumption' | 'nginx'

export const kinds: readonly Kind[] = (['rsa', 'ecdsa'] as const).flatMap(algorithm =>
  [true, false].flatMap(clientCertificate =>
    (
      [
        ['TLSv1.2', 'ids'],
        ['TLSv1.2', 'tickets'],
        ['TLSv1.3', 'tickets'],
      ] as const
    ).map(([version, mechanism]) => ({ version, mechanism, algorithm, clientCertificate })),
  ),
)

/** Plain Node keeps no session IDs, and the package in pure JavaScript keeps only those. */
export function modesOf({ mechanism }: Kind): Mode[] {
  return mechanism === 'ids'
    ? ['bare hooks', 'tls-session-cache', 'tls-resumption', 'nginx']
    : ['Node alone', 'bare hooks', 'tls-resumption', 'nginx']
}

export function labelOf({ version, mechanism, algorithm, clientCertificate }: Kind): string {
  const certificates = `${algorithm.toUpperCase()}${clientCertificate ? ' + mTLS' : ''}`
  return `${certificates}, ${version.replace('v', ' ')}, ${mechanism}`
}

export function serverOptions({ version, mechanism, clientCertificate }: Kind): TlsOptions {
  return {
    minVersion: version,
    maxVersion: version,
    requestCert: clientCertificate,
    rejectUnauthorized: clientCertificate,
    ...(mechanism === 'ids' ? { secureOptions: constants.SSL_OP_NO_TICKET } : {}),
  }
}
