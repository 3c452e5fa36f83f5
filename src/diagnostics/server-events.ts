import { channel } from 'node:diagnostics_channel'

/**
 * What happened at a server that this package resumes connections of:
 *
 * - `resumed`, `full`: a handshake was done.
 * - `id-found`: a client brought an id, and its session was in the cache. What is found is resumed, unless OpenSSL
 *   finds it too old, or of another server.
 * - `id-found-in-tier`: the same, in the second tier alone.
 * - `id-not-found`: never met, expired, evicted, or of a TLS 1.3 client, whose id means nothing. How many have expired,
 *   and how many were evicted, is in the `stats()` of the cache.
 * - `tier-timeout`: the second tier did not answer in time.
 * - `tier-failed`: it answered with an error or with what could not be read, or is not being asked.
 * - `ticket-opened`: a client brought a ticket, and the ring had its key; as with ids, OpenSSL decides what then.
 * - `ticket-unknown`: the ring has no such key: too old, or of another server.
 * - `refused-by-guard`: nothing was looked for, opened or kept, since clients may not be verified alike.
 * - `rotation`: a key seals that did not before.
 */
export type ServerReason =
  | 'resumed'
  | 'full'
  | 'id-found'
  | 'id-found-in-tier'
  | 'id-not-found'
  | 'tier-timeout'
  | 'tier-failed'
  | 'ticket-opened'
  | 'ticket-unknown'
  | 'refused-by-guard'
  | 'rotation'

/** What `diagnostics_channel` publishes as `tls-resumption:server`, as it happens. It holds no secret. */
export interface ServerMessage {
  reason: ServerReason
  /** The name of the cache or the ring; undefined where it has none, and for handshakes. */
  name: string | undefined
  /** Of a handshake: `TLSv1.3` and the like. */
  protocol: string | undefined
  /** Of a ticket that was opened: how many keys of the ring are newer than its own. */
  newerKeys: number | undefined
}

/** How often each happened in this thread. */
export type ServerStats = Record<ServerReason, number>

const messages = channel('tls-resumption:server')

const counts: ServerStats = {
  resumed: 0,
  full: 0,
  'id-found': 0,
  'id-found-in-tier': 0,
  'id-not-found': 0,
  'tier-timeout': 0,
  'tier-failed': 0,
  'ticket-opened': 0,
  'ticket-unknown': 0,
  'refused-by-guard': 0,
  rotation: 0,
}

/**
 * What happened at the servers of this thread that have {@link resumeSessions} or {@link TicketKeys}, since the
 * package was loaded. For each event as it comes, subscribe to `tls-resumption:server` of `node:diagnostics_channel`,
 * whose messages are {@link ServerMessage}s.
 *
 * @example
 * ```ts
 * import { subscribe } from 'node:diagnostics_channel'
 * import { type ServerMessage, serverStats } from 'tls-resumption'
 *
 * subscribe('tls-resumption:server', message => {
 *   const { reason, name } = message as ServerMessage
 *   if (reason === 'refused-by-guard') console.warn(`${name} resumes nothing`)
 * })
 * serverStats().resumed // 0
 * ```
 */
export function serverStats(): ServerStats {
  return { ...counts }
}

type Details = Partial<Omit<ServerMessage, 'reason'>>

/** Counts what happened at a server, and tells who listens. */
export function tellOfServer(reason: ServerReason, { name, protocol, newerKeys }: Details = {}): void {
  counts[reason]++
  if (!messages.hasSubscribers) return
  messages.publish({ reason, name, protocol, newerKeys } satisfies ServerMessage)
}
