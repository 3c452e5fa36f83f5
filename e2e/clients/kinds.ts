import { constants } from 'node:crypto'
import type { TlsOptions } from 'node:tls'

export type Protocol = 'TLSv1.2' | 'TLSv1.3'
export type Mechanism = 'ids' | 'tickets'
/** The protocol over the secure connection. */
export type Front = 'https' | 'http2'

/** A way to resume, and the servers that resume only in this way. */
export interface Kind {
  protocol: Protocol
  mechanism: Mechanism
}

export const kinds: readonly Kind[] = [
  { protocol: 'TLSv1.2', mechanism: 'ids' },
  { protocol: 'TLSv1.2', mechanism: 'tickets' },
  { protocol: 'TLSv1.3', mechanism: 'tickets' },
]

export const fronts: readonly Front[] = ['https', 'http2']

/** The distribution of servers: a client's next connection always goes to the next of them. */
export const placements = ['1 thread', '4 threads', '2 processes'] as const
export type Placement = (typeof placements)[number]

export function labelOf({ protocol, mechanism }: Kind): string {
  return `${protocol.replace('v', ' ')}, ${mechanism}`
}

export function optionsOf({ protocol, mechanism }: Kind): TlsOptions {
  return {
    minVersion: protocol,
    maxVersion: protocol,
    ...(mechanism === 'ids' ? { secureOptions: constants.SSL_OP_NO_TICKET } : {}),
  }
}
