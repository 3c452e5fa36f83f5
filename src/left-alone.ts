import type tls from 'node:tls'
import { BoundedMap } from './bounded-map.js'
import type { ClientReason } from './diagnostics.js'
import { onPurge } from './purge.js'

/** After so many connections in a row that were of no use, a peer is left alone: what we do costs, and brings nothing. */
const ENOUGH = 20
/** Then one connection in so many milliseconds is seen to as ever, and shows whether the peer has changed. */
const PAUSE_MS = 1000
const MAX_PEERS = 1000

/** There is no session to be had of the peer, or it refuses them all. */
export type WhyAlone = Extract<ClientReason, 'no-session' | 'backed-off'>

interface Useless {
  inARow: number
  why: WhyAlone
  /** When a connection was seen to last, as `Date.now()` has it. */
  seenTo: number
}

const peers = new BoundedMap<string, Useless>(MAX_PEERS)
onPurge(() => peers.clear())

/** A name that is made in less time than a key: this is no matter of trust. */
function nameOf({ path, host, port, servername }: tls.ConnectionOptions): string {
  return `${path ?? host}:${port}:${servername}`
}

/** Whether something may keep the connection from resuming that the name does not tell, as TLS over another one. */
function isAnother({ socket, pskCallback, requestOCSP }: tls.ConnectionOptions): unknown {
  return socket || pskCallback || requestOCSP
}

/** A connection that was seen to has resumed, or left a session that the next one may offer. */
export function wasOfUse(options: tls.ConnectionOptions): void {
  if (peers.size > 0) peers.delete(nameOf(options))
}

/** It has done neither. */
export function wasOfNoUse(options: tls.ConnectionOptions, why: WhyAlone): void {
  if (isAnother(options)) return
  const name = nameOf(options)
  const { inARow, seenTo } = peers.peek(name) ?? { inARow: 0, seenTo: 0 }
  peers.set(name, { inARow: inARow + 1, why, seenTo })
}

/** Why a connection that begins now is to be left to Node; undefined where it is to be seen to. */
export function whyLeftAlone(options: tls.ConnectionOptions): WhyAlone | undefined {
  if (peers.size === 0 || isAnother(options)) return undefined
  const peer = peers.peek(nameOf(options))
  if (peer === undefined || peer.inARow < ENOUGH) return undefined
  // The monotonic clock takes longer to read; one that is set costs a connection, or has one more seen to.
  const now = Date.now()
  if (Math.abs(now - peer.seenTo) < PAUSE_MS) return peer.why
  peer.seenTo = now
  return undefined
}
