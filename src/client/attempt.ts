import { AsyncResource } from 'node:async_hooks'
import { errorMonitor } from 'node:events'
import type tls from 'node:tls'
import { borrowSession, dropSessions, hasSession, mayLead, storeSession } from '../cache/internal.js'
import type { SessionCache } from '../cache/session-cache.js'
import { type ClientReason, recordConnection } from '../diagnostics/client-events.js'
import { type Era, onPurge } from '../key/purge-generation.js'
import { peerOfKey } from '../key/session-key.js'
import { hasBegun, holdWrites, takeStart } from '../node/handshake-gate.js'
import { tellCertificate } from '../session/resumed-socket.js'
import { factsOf, TLS_1_3 } from '../session/session-info.js'
import { LruMap } from '../util/lru-map.js'
import { monotonicNow } from '../util/time.js'
import { failed, mayOffer, refused, resumed } from './peer-state.js'
import { stillTrusted, type Trusted, type Verification } from './reverify.js'
import { noteEmitted } from './session-provenance.js'
import { arrived, join, type Lead, wait } from './single-flight.js'

/** A handshake given up before this many milliseconds was given up by the caller, not lost by the peer. */
const HANGING_MS = 1000

/** What is needed to resume a connection and to remember its sessions. */
export interface Resumption {
  cache: SessionCache
  key: string
  era: Era
  verification: Verification
  /** Whether it may wait for the session of another connection. */
  coalesce: boolean
}

/** `setSession` is documented, but missing in the type declarations. */
type Socket = tls.TLSSocket & { setSession(session: Buffer): void; secureConnecting?: boolean }

/**
 * Makes a socket that `tls.connect` returned, and that is still connecting, offer a session and keep
 * those it gets. Whatever goes wrong here leaves the connection to a full handshake.
 */
export function resume(socket: tls.TLSSocket, resumption: Resumption): void {
  const { cache, key, coalesce } = resumption
  const attempt = new Attempt(socket as Socket, resumption)
  const start = coalesce && mayLead(cache, key) ? takeStart(socket) : undefined
  // At the last moment: a ticket is not spent on a connection that never comes about. Node's own
  // listener for 'connect' starts the handshake, so this one has to be before it.
  socket.prependOnceListener('connect', () => {
    if (socket.destroyed) return
    attempt.listen()
    const isWithout = attempt.offer()
    if (start === undefined) return
    const role = isWithout ? join(cache, key) : undefined
    if (role === 'wait') startInTurn(socket, attempt, resumption, start)
    else {
      if (role) attempt.lead(role)
      start()
    }
  })
}

/** Starts the handshake when the connection that leads has got a session or has failed to. */
function startInTurn(
  socket: tls.TLSSocket,
  attempt: Attempt,
  { cache, key }: Resumption,
  start: () => void,
): void {
  attempt.waited = true
  const release = holdWrites(socket, () => goOn())
  // It is another connection that has it go on, or a timer, whose AsyncLocalStorage is none of this one's.
  const proceed = AsyncResource.bind(() => {
    socket.off('close', goOn)
    // TLS over this one may have begun it meanwhile, and may even have us woken from within it.
    if (!hasBegun(socket)) {
      if (!socket.destroyed) attempt.offer()
      start()
    }
    release()
  })
  const goOn = wait(cache, key, () => proceed())
  socket.once('close', goOn)
}

/** The same for `tls.connect` over a socket already there, where the handshake starts at once. */
export function resumeAtOnce(
  resumption: Resumption,
  connect: (session: Buffer | undefined) => tls.TLSSocket,
): tls.TLSSocket {
  let socket: tls.TLSSocket | undefined
  let given: Trusted | undefined
  const outcome = offer(resumption, (session, trusted) => {
    given = trusted
    // The socket keeps its options, so what it gets must not be memory that others use next.
    const own = Buffer.allocUnsafeSlow(session.length)
    session.copy(own)
    try {
      socket = connect(own)
    } finally {
      own.fill(0)
    }
  })
  socket ??= connect(undefined)
  const attempt = new Attempt(socket as Socket, resumption)
  attempt.outcome = outcome
  if (given) attempt.hasGiven(given)
  attempt.listen()
  return socket
}

/** Whether a session was offered, or why not. */
type Offer = 'offered' | Extract<ClientReason, 'no-session' | 'reverification-failed' | 'backed-off'>

function offer(
  { cache, key, era, verification }: Resumption,
  use: (session: Buffer, trusted: Trusted) => void,
): Offer {
  if (era.isOver) return 'no-session'
  if (!mayOffer(key)) return 'backed-off'
  const outcome = borrowSession(cache, 'offer', key, (session): Offer => {
    const trusted = stillTrusted(session, verification)
    if (trusted === undefined) return 'reverification-failed'
    use(session, trusted)
    return 'offered'
  })
  return outcome ?? 'no-session'
}

/** One connection: what it offered, how that ended, and what is kept of it. */
class Attempt {
  /** Whether a session of ours was offered, or why not. */
  outcome: Offer = 'no-session'
  /** Whether the caller has given the socket a session of its own: what comes of that is not kept. */
  isForeign = false
  waited = false
  readonly #socket: Socket
  readonly #resumption: Resumption
  readonly #setSession: Socket['setSession']
  #lead: Lead | undefined
  #given: Trusted | undefined
  #ticket: Buffer | undefined
  #isReused = false
  #isTold = false
  #startedAt = Number.POSITIVE_INFINITY

  constructor(socket: Socket, resumption: Resumption) {
    this.#socket = socket
    this.#resumption = resumption
    this.#setSession = socket.setSession
    socket.setSession = session => {
      this.isForeign = true
      this.#setSession.call(socket, session)
    }
    // Before the application's listeners: one of them may destroy the socket, which then tells nothing.
    socket.prependOnceListener('secureConnect', () => {
      this.#isReused = this.#hasOffered && socket.isSessionReused()
      if (this.#hasOffered) (this.#isReused ? resumed : refused)(resumption.key)
      this.#lead?.onSecure(socket.getProtocol() === 'TLSv1.3')
      this.#tell(this.#reason(), () => socket.getProtocol() ?? undefined)
      // When the application's listeners have had their say: they may turn the peer away.
      if (this.#isReused && this.#isBelowTls13) process.nextTick(() => this.#keepRenewed())
    })
    // An application may connect again as soon as it hears of the error, so this has to be heard before;
    // a monitor does not make the error a handled one.
    socket.once(errorMonitor, this.#onEnd).once('close', this.#onEnd)
  }

  /** A session of ours has been given to the socket. */
  hasGiven(trusted: Trusted): void {
    if (!this.#given) tellCertificate(this.#socket, () => (this.isForeign ? undefined : this.#given?.leaf))
    this.#given = trusted
    if (this.#isBelowTls13) this.#ticket = this.#socket.getTLSTicket()
  }

  get #isBelowTls13(): boolean {
    return this.#given !== undefined && this.#given.version < TLS_1_3
  }

  get #hasOffered(): boolean {
    return this.outcome === 'offered'
  }

  /** Whether a session may be given to the socket: one given during the handshake would break it. */
  get #isFree(): boolean {
    return !this.isForeign && !hasBegun(this.#socket)
  }

  /** Offers a session, if there is one. To be called just before the handshake. Whether there is none. */
  offer(): boolean {
    this.#startedAt = monotonicNow()
    if (!this.#isFree) return false
    try {
      this.outcome = offer(this.#resumption, (session, trusted) => {
        this.#setSession.call(this.#socket, session)
        this.hasGiven(trusted)
      })
    } catch {
      // In doubt, a full handshake.
    }
    return this.outcome === 'no-session'
  }

  /** Others wait for what this one gets, unless there is something by now. */
  lead(lead: Lead): void {
    this.#lead = lead
    if (!hasSession(this.#resumption.cache, this.#resumption.key)) return
    this.offer()
    if (this.#hasOffered) lead.end(true)
  }

  #reason(): ClientReason {
    if (this.isForeign) return 'caller-session'
    if (this.outcome !== 'offered') return this.outcome
    return this.#isReused ? 'resumed' : 'rejected-by-peer'
  }

  #tell(reason: ClientReason, protocol?: () => string | undefined): void {
    if (this.#isTold) return
    this.#isTold = true
    const peer = () => peerOfKey(this.#resumption.key)
    recordConnection(reason, peer, () => ({
      offered: this.#hasOffered,
      waited: this.waited,
      protocol: protocol?.(),
    }))
  }

  /** Called when the handshake is about to start: Node delivers no sessions to a listener from before
   * it changed the address it connects to. */
  listen(): void {
    this.#startedAt = monotonicNow()
    this.#socket.on('session', session => this.#keep(session))
  }

  readonly #onEnd = (error?: unknown): void => {
    const socket = this.#socket
    socket.off(errorMonitor, this.#onEnd).off('close', this.#onEnd)
    const isSecure = socket.secureConnecting === false
    this.#tell('failed')
    this.#lead?.end(!isSecure)
    if (!this.#hasOffered) return
    const { cache, key } = this.#resumption
    // The peer may have choked on the session, or not want the one that it resumed. Once it has answered,
    // an error is of another kind: many clients end even a good connection with one.
    const isRefused = error && this.#isReused && socket.bytesRead === 0
    if (!isSecure || isRefused) dropSessions(cache, key)
    const isHanging = monotonicNow() - this.#startedAt >= HANGING_MS
    if (!isSecure && (error || isHanging)) failed(key)
  }

  /**
   * Node tells of no session that a TLS 1.2 resumption renewed, as servers do when they have rotated their keys: the
   * one at hand would be worth nothing as soon as its key goes.
   */
  #keepRenewed(): void {
    if (!this.#hasOffered || this.#socket.destroyed) return
    const ticket = this.#socket.getTLSTicket()
    if (ticket === undefined || this.#ticket?.equals(ticket)) return
    const session = this.#socket.getSession()
    if (session) this.#keep(session)
  }

  #keep(session: Buffer): void {
    const socket = this.#socket
    if (this.isForeign) return
    const { cache, key, era, verification } = this.#resumption
    // Whatever becomes of it: a library that keeps it, too, and passes it back, has it from us.
    noteEmitted(key, session)
    // Destroyed: by an application that did not like what it saw.
    if (socket.destroyed || (socket.isSessionReused() && !this.#hasOffered)) return
    if (era.isOver) return
    if (verification.strict && !socket.authorized) return
    const facts = factsOf(session)
    if (facts === undefined || facts.lifetime === 0) return
    // A resumed handshake repeats the verdict on the chain and skips the check of the name. Where that
    // would turn a refusal into an approval, which a lenient caller may look at, nothing is kept.
    if (facts.verified !== socket.authorized) return
    const isTls13 = facts.version >= TLS_1_3
    const isStored = storeSession(cache, isTls13 ? 'add' : 'set', key, session, {
      ttl: facts.lifetime,
      reusable: !isTls13,
    })
    if (!isStored) return
    remember(this.#resumption)
    this.#lead?.end(true)
    arrived(cache, key)
  }
}

/** What this thread has stored last, so that it can wipe it after a purge. */
const stored = new LruMap<string, { cache: WeakRef<SessionCache>; era: Era }>(1000)

function remember({ cache, key, era }: Resumption): void {
  stored.set(key, { cache: new WeakRef(cache), era })
}

onPurge(() => {
  for (const [key, { cache, era }] of stored.entries()) {
    if (!era.isOver) continue
    const left = cache.deref()
    if (left) dropSessions(left, key)
    stored.delete(key)
  }
})
