import { errorMonitor } from 'node:events'
import type tls from 'node:tls'
import { types } from 'node:util'
import { failed, mayOffer, succeeded } from './backoff.js'
import { sha256 } from './digest.js'
import { native } from './native.js'
import { isStillTrusted, type Verification } from './recheck.js'
import { lending, type SessionCache } from './session-cache.js'

const TLS_1_3 = 0x0304

/** Documented, but missing in the type declarations. */
type WithSetSession = tls.TLSSocket & { setSession(session: Buffer): void }

/** What is needed to resume a connection and to remember its sessions. */
export interface Resumption {
  cache: SessionCache
  key: string
  verification: Verification
}

/** Digests of the blobs that sockets here have emitted. */
const emitted = new Set<string>()
const MAX_EMITTED = 1000

/** Whether a session given as an option is one of ours, which a library only kept and passed back. */
export function isOurs(session: unknown): boolean {
  return types.isUint8Array(session) && emitted.has(sha256(session))
}

function noteEmitted(session: Buffer): void {
  if (emitted.size >= MAX_EMITTED) emitted.clear()
  emitted.add(sha256(session))
}

/**
 * Makes a socket that `tls.connect` returned, and that is still connecting, offer a session and keep
 * those it gets. Whatever goes wrong here leaves the connection to a full handshake.
 */
export function resume(socket: tls.TLSSocket, resumption: Resumption): void {
  let offered = false
  // At the last moment: a ticket is not spent on a connection that never comes about. Node's own
  // listener for 'connect' starts the handshake, so this one has to be before it.
  socket.prependOnceListener('connect', () => {
    offered = offer(resumption, session => (socket as WithSetSession).setSession(session))
  })
  remember(socket, resumption, () => offered)
}

/** The same for `tls.connect` over a socket already there, where the handshake starts at once. */
export function resumeAtOnce(
  resumption: Resumption,
  connect: (session: Buffer | undefined) => tls.TLSSocket,
): tls.TLSSocket {
  let socket: tls.TLSSocket | undefined
  const offered = offer(resumption, session => {
    socket = connect(session)
  })
  socket ??= connect(undefined)
  remember(socket, resumption, () => offered)
  return socket
}

function offer({ cache, key, verification }: Resumption, use: (session: Buffer) => void): boolean {
  if (!mayOffer(key)) return false
  return (
    lending.lend(cache, 'offer', key, session => {
      if (!isStillTrusted(session, verification)) return false
      use(session)
      return true
    }) ?? false
  )
}

function remember(socket: tls.TLSSocket, resumption: Resumption, wasOffered: () => boolean): void {
  const { cache, key } = resumption
  let secure = false
  let reused = false
  socket.once('secureConnect', () => {
    secure = true
    reused = socket.isSessionReused()
    if (wasOffered()) succeeded(key)
  })
  socket.on('session', (session: Buffer) => {
    noteEmitted(session)
    store(socket, session, resumption)
  })
  // An application may connect again as soon as it hears of the error, so this has to be heard before;
  // a monitor does not make the error a handled one.
  const onEnd = (error?: unknown): void => {
    socket.off(errorMonitor, onEnd).off('close', onEnd)
    if (!wasOffered()) return
    // The peer may have choked on the session, or no longer want the one that it resumed.
    if (!secure || (error && reused)) lending.drop(cache, key)
    if (!secure) failed(key)
  }
  socket.once(errorMonitor, onEnd).once('close', onEnd)
}

function store(socket: tls.TLSSocket, session: Buffer, { cache, key, verification }: Resumption): void {
  if (verification.strict && !socket.authorized) return
  const facts = native.sessionFacts(session)
  if (facts === null || facts.lifetime === 0) return
  // A resumed handshake repeats the verdict on the chain and skips the check of the name. Where that
  // would turn a refusal into an approval, which a lenient caller may look at, nothing is kept.
  if (facts.verified !== socket.authorized) return
  const isTls13 = facts.version >= TLS_1_3
  lending.store(cache, isTls13 ? 'add' : 'set', key, session, {
    ttl: facts.lifetime,
    reusable: !isTls13,
  })
}
