import { channel } from 'node:diagnostics_channel'

/**
 * The outcome of a client connection: `resumed`, or the reason why it did not resume.
 *
 * - `resumed`: a session was offered, and the peer resumed from it.
 * - `no-session`: the cache had no session to offer. It is the first connection to the peer, the sessions expired, were
 *   used up or evicted, or the peer issues none.
 * - `rejected-by-peer`: a session was offered, and the peer did a full handshake.
 * - `reverification-failed`: there was a session, but a full handshake might not authorize its peer now.
 * - `backed-off`: the peer failed or rejected too often when a session was offered, so offers are paused.
 * - `uncacheable`: no session key can represent an option, such as a `pskCallback` or an inline `checkServerIdentity`; or
 *   another package has replaced `tls.createSecureContext` or `tls.connect`.
 * - `caller-session`: the caller supplied a session of its own.
 * - `opted-out`: `sessionCache: null`, or an agent with `maxCachedSessions: 0`.
 * - `excluded`: the options of `install()` exclude the peer or this connection.
 * - `failed`: the connection ended before its handshake was completed.
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
 * The message of the channel `tls-resumption:client` of `node:diagnostics_channel`. It is published once for each connection:
 * when the handshake is completed or has failed, or at once if the connection cannot resume. It contains no secret.
 */
export interface ClientMessage {
  /** How the connection began. */
  reason: ClientReason
  /** The peer label, with which a `sessionKey` begins: `tcp:db.example:5432`. */
  peer: string
  /** True if a session was offered. */
  offered: boolean
  /** True if the connection waited for the session of another connection. */
  waited: boolean
  /** The wait in milliseconds. 0 if it did not wait. */
  waitTime: number
  /** Milliseconds of the handshake until it was completed or failed. undefined if it did not start or was not observed. */
  duration: number | undefined
  /** The protocol, such as `TLSv1.3`. undefined before a completed handshake. */
  protocol: string | undefined
}

/** The number of connections of this thread by outcome. */
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
 * Returns how many client connections of this thread had each outcome since the package was loaded. To observe each
 * connection, subscribe to the channel `tls-resumption:client` of `node:diagnostics_channel`. Its messages are
 * {@link ClientMessage}s.
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

/** Counts a connection. True if the channel has subscribers: then its message is to be published. */
export function countConnection(reason: ClientReason): boolean {
  counts[reason]++
  return messages.hasSubscribers
}

export function publishConnection(message: ClientMessage): void {
  messages.publish(message)
}

/** Counts a connection that did not begin as one that may resume, and publishes its message. `peer` is called only then. */
export function recordConnection(reason: ClientReason, peer: () => string): void {
  if (!countConnection(reason)) return
  const unknown = { offered: false, waited: false, waitTime: 0, duration: undefined, protocol: undefined }
  publishConnection({ reason, peer: peer(), ...unknown })
}
