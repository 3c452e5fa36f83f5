import { channel } from 'node:diagnostics_channel'

/**
 * What happened at a server whose connections this package resumes:
 *
 * - `resumed`, `full`: a handshake was done.
 * - `session-id-hit`: the session of the ID that a client offered was in the cache. OpenSSL then resumes it.
 * - `session-id-hit-tier`: it was in the second tier only.
 * - `session-id-miss`: it was in neither: expired, evicted, or the ID of a TLS 1.3 client, which stands for nothing. The
 *   `stats()` of the cache count expirations and evictions.
 * - `session-id-refused`: a session was found, and a full handshake followed: it was too old for OpenSSL, or was made
 *   with other parameters.
 * - `tier-timeout`: the second tier did not answer in time.
 * - `tier-failed`: it answered with an error or with unreadable data, or it is not asked for now.
 * - `ticket-accepted`: a client offered a ticket, and the ring had its key. OpenSSL then decides.
 * - `ticket-refused`: OpenSSL decided against such a ticket: its session ID context is that of another server identity or
 *   of the time before a revocation, or it is too old.
 * - `ticket-unknown`: the ring does not have the key: the ticket is too old, or of another server.
 * - `ambiguous-client-trust`: nothing was looked up, accepted or stored, since a session of the server does not say how
 *   its client was verified.
 * - `reverification-failed`: a client resumed, and a full handshake would refuse it now: its certificate has expired.
 * - `rotation`: another key became the active one.
 */
export type ServerReason =
  | 'resumed'
  | 'full'
  | 'session-id-hit'
  | 'session-id-hit-tier'
  | 'session-id-miss'
  | 'session-id-refused'
  | 'tier-timeout'
  | 'tier-failed'
  | 'ticket-accepted'
  | 'ticket-refused'
  | 'ticket-unknown'
  | 'ambiguous-client-trust'
  | 'reverification-failed'
  | 'rotation'

/** What `diagnostics_channel` publishes as `tls-resumption:server`, as it happens. It holds no secret. */
export interface ServerMessage {
  /** What happened. */
  reason: ServerReason
  /** The name of the cache or the ring; undefined if it has none, and for handshakes. */
  name: string | undefined
  /** Of a handshake: `TLSv1.3` and the like. */
  protocol: string | undefined
  /** Of an accepted ticket: how many keys of the ring are newer than its own. */
  newerKeys: number | undefined
  /** Of a handshake: milliseconds since it started. */
  duration: number | undefined
}

/** How often each happened in this thread. */
export type ServerStats = Record<ServerReason, number>

const messages = channel('tls-resumption:server')

const counts: ServerStats = {
  resumed: 0,
  full: 0,
  'session-id-hit': 0,
  'session-id-hit-tier': 0,
  'session-id-miss': 0,
  'session-id-refused': 0,
  'tier-timeout': 0,
  'tier-failed': 0,
  'ticket-accepted': 0,
  'ticket-refused': 0,
  'ticket-unknown': 0,
  'ambiguous-client-trust': 0,
  'reverification-failed': 0,
  rotation: 0,
}

/**
 * Returns what happened at the servers of this thread that use {@link resumeSessions} or {@link TicketKeys}, since the
 * package was loaded. The channel `tls-resumption:server` of `node:diagnostics_channel` publishes a
 * {@link ServerMessage} for each event.
 *
 * @example
 * ```ts
 * import { subscribe } from 'node:diagnostics_channel'
 * import { type ServerMessage, serverStats } from 'tls-resumption'
 *
 * subscribe('tls-resumption:server', message => {
 *   const { reason, name } = message as ServerMessage
 *   if (reason === 'ambiguous-client-trust') console.warn(`${name} resumes nothing`)
 * })
 * serverStats().resumed // 0
 * ```
 */
export function serverStats(): ServerStats {
  return { ...counts }
}

type Details = Partial<Omit<ServerMessage, 'reason'>>

/** Counts an event, and publishes it to the subscribers of the channel. */
export function countServerEvent(reason: ServerReason, details: Details = {}): void {
  counts[reason]++
  if (!messages.hasSubscribers) return
  const { name, protocol, newerKeys, duration } = details
  messages.publish({ reason, name, protocol, newerKeys, duration } satisfies ServerMessage)
}
