import { channel } from 'node:diagnostics_channel'

/**
 * How a client connection of this package began, and if it did not resume, why:
 *
 * - `resumed`: a session was offered, and the peer took it.
 * - `no-session`: there was none to offer: never met, expired, used up, or evicted, or the peer hands out none.
 * - `rejected-by-peer`: one was offered, and the peer did a full handshake all the same.
 * - `reverification-failed`: there was one, but a full handshake might not authorize its certificate now.
 * - `backed-off`: the peer has failed several times when it was offered one, or refused many in a row, and is left
 *   alone for a while.
 * - `uncacheable`: the options have something that no key can stand for, as a `pskCallback` or an inline
 *   `checkServerIdentity`.
 * - `caller-session`: the caller brought a session of its own.
 * - `opted-out`: `sessionCache: null`, or an agent with `maxCachedSessions: 0`.
 * - `excluded`: the options of `install()` leave the peer, or this connection, out.
 * - `failed`: the connection ended before its handshake was done.
 */
export type ClientReason =
  | 'resumed'
  | 'no-session'
  | 'rejected-by-peer'
  | 'reverification-failed'
  | 'backed-off'
  | 'uncacheable'
  | 'caller-session'
  | 'opted-out'
  | 'excluded'
  | 'failed'

/**
 * What `diagnostics_channel` publishes as `tls-resumption:client`, once for each connection: when its handshake is done
 * or has failed, or at once where it is none that could resume. It holds no secret.
 */
export interface ClientMessage {
  reason: ClientReason
  /** Where the connection goes, for people to read, as at the beginning of a `sessionKey`: `tcp:db.example:5432`. */
  peer: string
  /** Whether a session was offered. */
  offered: boolean
  /** Whether it waited for the session of another connection, which did the full handshake for several. */
  waited: boolean
  /** `TLSv1.3` and the like; undefined where no handshake is done yet. */
  protocol: string | undefined
}

/** How many connections of this thread began in which way. */
export type ClientStats = Record<ClientReason, number>

const messages = channel('tls-resumption:client')

const counts: ClientStats = {
  resumed: 0,
  'no-session': 0,
  'rejected-by-peer': 0,
  'reverification-failed': 0,
  'backed-off': 0,
  uncacheable: 0,
  'caller-session': 0,
  'opted-out': 0,
  excluded: 0,
  failed: 0,
}

/**
 * How many client connections of this thread resumed, and how many did not for which reason, since the package was
 * loaded. For each connection as it comes, subscribe to `tls-resumption:client` of `node:diagnostics_channel`, whose
 * messages are {@link ClientMessage}s.
 *
 * @example
 * ```ts
 * import { subscribe } from 'node:diagnostics_channel'
 * import { type ClientMessage, clientStats } from 'tls-resumption'
 *
 * subscribe('tls-resumption:client', message => {
 *   const { peer, reason } = message as ClientMessage
 *   if (reason !== 'resumed') console.log(`${peer}: ${reason}`)
 * })
 * clientStats().resumed // 0
 * ```
 */
export function clientStats(): ClientStats {
  return { ...counts }
}

/** Counts a connection, and tells who listens. `peer` and `more` are asked for only then. */
export function recordConnection(
  reason: ClientReason,
  peer: () => string,
  more: () => Partial<Omit<ClientMessage, 'reason' | 'peer'>> = () => ({}),
): void {
  counts[reason]++
  if (!messages.hasSubscribers) return
  const { offered = false, waited = false, protocol } = more()
  messages.publish({ reason, peer: peer(), offered, waited, protocol } satisfies ClientMessage)
}
