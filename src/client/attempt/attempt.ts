import { AsyncResource } from 'node:async_hooks'
import type tls from 'node:tls'
import { dropSessions, hasSession, settleOffers } from '../../cache/internal.js'
import { breakerOf } from '../../cache/offer-breaker.js'
import {
  type ClientReason,
  countConnection,
  publishConnection,
  recordConnection,
} from '../../diagnostics/client-events.js'
import { readPeerLabel } from '../../key/session-key.js'
import { isHandshakeAlert, isTransportError } from '../../node/connection-error.js'
import type { HandshakeGate } from '../../node/handshake-gate.js'
import { type SocketEvents, type SocketPort, TlsSocketPort } from '../../node/socket-port.js'
import { returnCertificates } from '../../session/resumed-socket.js'
import { readSessionInfo, type SessionInfo } from '../../session/session-info.js'
import type { Verification } from '../../session/verified-session.js'
import { debug, isDebugging } from '../../util/log.js'
import { monotonicNow } from '../../util/time.js'
import { type OfferOutcome, offerSession } from '../offer.js'
import { recordSessionTime, sessionTime } from '../peer-state.js'
import type { CheckServerIdentity, OfferedSession } from '../reverify.js'
import { type RecorderInputs, SessionRecorder } from '../session-recorder.js'
import { followFlight, joinFlight, type Lead, landFlight, waitBound } from '../single-flight.js'
import { ConnectTimer } from './connect-timer.js'
import { endWatch, HANG_MS, watchForSilence } from './hang-watch.js'

/** What a connection needs to resume and to store its sessions. */
export interface AttemptInputs extends RecorderInputs {
  /** True if it may wait for the session of another connection. */
  readonly coalesce: boolean
  /** True if it runs over a stream of the caller, whose time to connect is not known. */
  readonly isOverStream: boolean
}

/** The inputs of a connection over a socket that is yet to connect: its endpoint is not known before. */
export interface LateInputs {
  /** Returns the inputs once the socket is connected. Undefined, and recorded, for a connection that does not resume. */
  find(): AttemptInputs | undefined
  /** Returns the peer label of the options. */
  label(): string
}

let attemptCount = 0

/** The reason that is reported of a connection that did not resume. */
const REASONS: Record<OfferOutcome, ClientReason> = {
  offered: 'rejected-by-peer',
  'no-session': 'no-session',
  'reverification-failed': 'reverification-failed',
  renewal: 'reverification-failed',
  'backed-off': 'backed-off',
}

type Phase = 'connecting' | 'held' | 'handshaking' | 'secure' | 'closed'

/**
 * One connection from `connect()` to `close`: what it offered, how it began, and what is stored of it. Each event of its
 * socket is one method; nothing that goes wrong here changes what the connection does.
 */
export class ConnectionAttempt implements SocketEvents {
  /** Set once the endpoint is known, which a given socket shows when it is connected. */
  #inputs!: AttemptInputs
  #recorder: SessionRecorder | undefined
  readonly #findInputs: LateInputs | undefined
  readonly #isContextUnchanged: () => boolean
  /** Names the connection in the debug log. */
  readonly #id: number = ++attemptCount
  #port!: SocketPort
  #socket!: tls.TLSSocket
  #currentPhase: Phase = 'connecting'
  /** Why no session was offered, or that one was. */
  #outcome: OfferOutcome = 'no-session'
  #offered: OfferedSession | undefined
  /** True if the application gave the socket a session: then nothing is stored, and nothing is judged. */
  #hasCallerSession = false
  /** True if this handshake tests whether the peer works without an offer. */
  #isProbe = false
  #lead: Lead | undefined
  #leaveFlight: (() => void) | undefined
  #gate: HandshakeGate | undefined
  #isHanging = false
  #isResumed = false
  #transportBytes = 0
  #ticket: Buffer | undefined
  #isReported = false
  #waitedSince: number | undefined
  #waitTime = 0
  readonly #connectTimer = new ConnectTimer()
  #startedAt = 0

  constructor(inputs: AttemptInputs | LateInputs, isContextUnchanged: () => boolean) {
    this.#isContextUnchanged = isContextUnchanged
    if ('find' in inputs) this.#findInputs = inputs
    else this.#start(inputs)
  }

  #start(inputs: AttemptInputs): void {
    this.#inputs = inputs
    this.#recorder = new SessionRecorder(inputs)
    const { peer, maxAge, coalesce, verifier } = inputs
    if (!isDebugging) return
    this.#debug('key %s, endpoint %s', peer.key, peer.endpoint)
    this.#debug(
      'strict %s, host name %s, maxAge %d ms, coalesce %s',
      verifier.isStrict,
      verifier.hostname,
      maxAge,
      coalesce,
    )
  }

  /**
   * Returns a `checkServerIdentity` for the options of the connection, which copies the certificates before it calls that
   * of the caller.
   */
  capturing(check: CheckServerIdentity): CheckServerIdentity {
    const attempt = this
    return function (this: unknown, hostname, certificate) {
      const recorder = attempt.#recorder
      if (recorder) return recorder.capture(check, this, hostname, certificate)
      return Reflect.apply(check, this, [hostname, certificate])
    }
  }

  /** Watches a socket of `tls.connect` whose handshake starts when its transport is connected. */
  attach(socket: tls.TLSSocket): void {
    this.attachPort(new TlsSocketPort(socket, this, this.#hasOffered), socket)
  }

  attachPort(port: SocketPort, socket: tls.TLSSocket): void {
    this.#port = port
    this.#socket = socket
  }

  /** Opens a connection over a stream that is connected already: its handshake starts within `open`. */
  startAtOnce(open: (session: Buffer | undefined) => tls.TLSSocket): tls.TLSSocket {
    let socket: tls.TLSSocket | undefined
    this.#startedAt = monotonicNow()
    this.#choose((session, offered) => {
      this.#accept(session, offered)
      // The socket keeps its options, so the session must not be memory that is used again.
      const own = Buffer.allocUnsafeSlow(session.length)
      session.copy(own)
      try {
        socket = open(own)
      } finally {
        // @guard wiped-session › caller-session › caller session: a socket over another socket keeps a copy of
        //   the session, which is wiped
        own.fill(0)
      }
    })
    socket ??= open(undefined)
    this.attach(socket)
    this.#afterOffer()
    this.#port.watchSessions()
    this.#phase = 'handshaking'
    return socket
  }

  onAddress(): void {
    this.#connectTimer.start()
  }

  onTransportConnected(): void {
    if (this.#phase !== 'connecting') return
    if (!this.#hasInputs) {
      this.#phase = 'closed'
      return
    }
    if (!this.#port.isUsable) return
    const { cache, peer, coalesce, isOverStream } = this.#inputs
    this.#startedAt = monotonicNow()
    this.#port.watchSessions()
    this.#offer()
    if (coalesce && this.#isWithoutSession && this.#isFree) {
      const times = isOverStream ? undefined : this.#connectTimer.read(this.#startedAt)
      const bound = waitBound(times, sessionTime(peer.endpoint))
      const role = joinFlight(cache, peer.key, bound > 0)
      if (role === 'follow' && this.#hold(bound)) return
      if (typeof role === 'object') this.#leadFlight(role)
    }
    this.#phase = 'handshaking'
  }

  onSecure(): void {
    const recorder = this.#recorder
    if (this.#phase === 'closed' || recorder === undefined) return
    const isFirst = this.#phase !== 'secure'
    this.#phase = 'secure'
    if (this.#hasCallerSession) {
      if (isFirst) this.#report('caller-session')
      return
    }
    const isResumed = this.#hasOffered && this.#port.isResumed
    this.#isResumed = isResumed
    const error = this.#offered?.identityError as NodeJS.ErrnoException | undefined
    // @guard lenient-callers › trust › *: a lenient caller resumes with a wrong name* ⇒ if false
    if (isResumed && error) this.#port.setAuthorizationError(error.code || error.message)
    // Where the chain did not verify, Node.js has not called `checkServerIdentity`.
    if (!isResumed && !recorder.hasCapture && !this.#port.isAuthorized) {
      const certificate = this.#port.peerCertificate()
      if (certificate) recorder.captureUnverified(certificate)
    }
    // Node.js emits the session of this handshake before the next tick.
    if (!isResumed && this.#port.protocol !== 'TLSv1.3') process.nextTick(() => recorder.endHandshake())
    if (!isFirst) return
    if (this.#hasOffered) endWatch(this)
    this.#judgeSecure(isResumed)
    this.#lead?.onSecure(this.#port.protocol === 'TLSv1.3')
    this.#report(isResumed ? 'resumed' : REASONS[this.#outcome])
    // After the application's listeners: they may turn the peer away.
    // @guard rejected-peer › tls12-renewal › TLS 1.2 renewal: nothing is stored if the secureConnect listener
    //   destroys the socket
    //   ⇒ `process.nextTick(() => this.#storeRenewed())` becomes `this.#storeRenewed()`
    if (isResumed && this.#offered?.isBelowTls13) process.nextTick(() => this.#storeRenewed())
  }

  onSession(session: Buffer): void {
    // @guard caller-session › caller-session › caller session: * stores nothing if the server rejects the
    //   caller's session
    //   ⇒ without `this.#hasCallerSession ||`
    if (this.#hasCallerSession || this.#phase === 'closed' || this.#recorder === undefined) return
    const { peer } = this.#inputs
    const info = readSessionInfo(session)
    // None is offered before the pause ends, so one session a second is enough.
    const isSpare =
      this.#outcome === 'backed-off' && !this.#isProbe && peer.hasStoredLately(this.#inputs.cache)
    const resumed = this.#hasOffered ? this.#offered : undefined
    // The session key stands for the context as it was, and the handshake verifies by what it is.
    const verification =
      info && this.#isContextUnchanged()
        ? this.#recorder.verificationOf(
            session,
            info,
            this.#port.isResumed ? resumed : null,
            isSpare ? undefined : () => this.#port.sentCertificates,
          )
        : undefined
    // Whatever is stored of it: a library may pass it back.
    // @guard library-session › install › install: a session of a lenient connection does not authorize*
    peer.recordEmitted(session, verification)
    // @guard rejected-peer › caller-session › caller session: * stores nothing if the secureConnect listener
    //   destroys the socket
    //   ⇒ without `&& !this.#port.isDestroyed`
    if (info && verification !== undefined && !isSpare && !this.#port.isDestroyed)
      this.#store(session, info, verification)
    else this.#debug('stored nothing: it is not needed, or there is no verification that it could rely on')
  }

  onCallerSession(): void {
    // @guard caller-session › caller-session › caller session: * stores nothing if the server rejects the
    //   caller's session
    this.#hasCallerSession = true
  }

  onClosed(error: unknown): void {
    const phase = this.#phase
    if (phase === 'closed') return
    this.#phase = 'closed'
    if (this.#recorder === undefined) {
      recordConnection('failed', () => this.#findInputs?.label() ?? '')
      return
    }
    if (this.#hasOffered) endWatch(this)
    this.#leaveFlight?.()
    this.#gate?.abandon()
    this.#report('failed', phase)
    this.#lead?.end(phase !== 'secure')
    if (this.#hasCallerSession) return
    if (phase === 'secure') this.#judgeEnd(error)
    else this.#judgeFailure(error)
  }

  /** False for a connection that does not resume, as its inputs show. */
  get #hasInputs(): boolean {
    if (this.#recorder !== undefined) return true
    const inputs = this.#findInputs?.find()
    if (inputs !== undefined) this.#start(inputs)
    return inputs !== undefined
  }

  get #phase(): Phase {
    return this.#currentPhase
  }

  set #phase(phase: Phase) {
    if (isDebugging && phase !== this.#currentPhase) this.#debug('%s -> %s', this.#currentPhase, phase)
    this.#currentPhase = phase
  }

  #debug(format: string, ...values: unknown[]): void {
    if (isDebugging) debug(`%d: ${format}`, this.#id, ...values)
  }

  /** True if a session may be given to the socket: one given during the handshake would break it. */
  get #isFree(): boolean {
    // @guard caller-session › caller-session › caller session: * offers the session of setSession and uses no
    //   ticket of the cache
    //   ⇒ without `!this.#hasCallerSession &&`
    return (
      !this.#hasCallerSession &&
      this.#port.isUsable &&
      !this.#port.hasStartedHandshake &&
      this.#isContextUnchanged()
    )
  }

  get #hasOffered(): boolean {
    return this.#outcome === 'offered'
  }

  /** True if there is no session that may be offered, and another connection may get one. */
  get #isWithoutSession(): boolean {
    const isStale = this.#outcome === 'reverification-failed' && this.#inputs.peer.isWorthFollowing
    return isStale || this.#outcome === 'no-session'
  }

  /** Chooses a session and lends it to `use`. In doubt, there is none. */
  #choose(use: (session: Buffer, offered: OfferedSession) => void): void {
    const { cache, peer } = this.#inputs
    const offerBreaker = breakerOf(cache)
    const advice = offerBreaker.mayOffer(peer.endpoint, peer.key)
    // @guard offer-back-off › strict-peer › strict peer: TLS * offers pause to a peer that rejects every
    //   session
    //   ⇒ if false
    if (advice !== 'offer') {
      this.#debug('the breaker says %s', advice)
      // A connection may ask twice, and its own probe makes the second answer `pause`.
      this.#isProbe ||= advice === 'probe'
      this.#outcome = 'backed-off'
      return
    }
    this.#outcome = offerSession(this.#inputs, use)
    if (!this.#hasOffered) offerBreaker.notOffered(peer.endpoint)
    this.#debug('offer: %s', this.#outcome)
  }

  #offer(): void {
    if (!this.#isFree) return
    try {
      this.#choose((session, offered) => {
        this.#port.giveSession(session)
        this.#accept(session, offered)
      })
      this.#afterOffer()
    } catch {
      // In doubt, a full handshake.
    }
  }

  /** Remembers what is offered. The last ticket of a TLS 1.2 peer is known: to read it again takes longer. */
  #accept(session: Buffer, offered: OfferedSession): void {
    this.#offered = offered
    const { lastTicket } = this.#inputs.peer
    if (offered.isBelowTls13 && lastTicket?.length && session.includes(lastTicket)) {
      this.#ticket = lastTicket
    }
  }

  #afterOffer(): void {
    const offered = this.#offered
    if (!this.#hasOffered || offered === undefined) return
    // @guard caller-session › resumed-socket › resumed socket: * with a caller session it returns what plain
    //   Node returns
    //   ⇒ `this.#hasCallerSession ? undefined : offered.chain` becomes `offered.chain`
    returnCertificates(this.#socket, () => (this.#hasCallerSession ? undefined : offered.chain))
    if (offered.isBelowTls13 && this.#ticket === undefined) {
      this.#ticket = this.#port.ticket
      this.#inputs.peer.lastTicket = this.#ticket
    }
    // A connection of its own has read nothing yet.
    if (this.#inputs.isOverStream) this.#transportBytes = this.#port.transportBytesRead ?? 0
    watchForSilence(this, this.#startedAt)
  }

  /** Called where the peer may not have answered the offer: then the next connection makes none. */
  onSilence(): void {
    const bytes = this.#port.transportBytesRead
    if (this.#phase !== 'handshaking' || bytes === undefined || bytes > this.#transportBytes) return
    this.#isHanging = true
    this.#debug('no byte came for %d ms after the offer', HANG_MS)
    const { cache, peer } = this.#inputs
    breakerOf(cache).broken(peer.endpoint)
  }

  /** Followers wait for what this connection gets, unless another session has come since. */
  #leadFlight(lead: Lead): void {
    this.#lead = lead
    const { cache, peer } = this.#inputs
    if (this.#outcome !== 'no-session' || !hasSession(cache, peer.key)) return
    this.#offer()
    if (this.#hasOffered) lead.end(true)
  }

  /** Follows another connection for `bound` milliseconds at most. Returns false where the socket cannot be held. */
  #hold(bound: number): boolean {
    const { cache, peer } = this.#inputs
    this.#gate = this.#port.hold(() => proceed(false, true))
    if (this.#gate === undefined) return false
    this.#phase = 'held'
    this.#debug('follows for %d ms at most', bound)
    this.#waitedSince = monotonicNow()
    // Another connection or a timer calls it, which has another AsyncLocalStorage.
    const proceed = AsyncResource.bind((landed: boolean, isEnding = false) => {
      if (this.#phase !== 'held') return
      this.#waitTime = monotonicNow() - (this.#waitedSince ?? 0)
      this.#leaveFlight?.()
      this.#startedAt = monotonicNow()
      if (this.#isFree) this.#offer()
      // In another thread the session may have come, and the message of it not yet.
      if (!landed && !isEnding && !this.#hasOffered) {
        recordSessionTime(peer.endpoint, Number.POSITIVE_INFINITY)
      }
      // The caller's check accepts the peer in a full handshake, and not before an offer.
      if (landed && this.#outcome === 'reverification-failed') peer.isWorthFollowing = false
      this.#phase = 'handshaking'
      const gate = this.#gate
      this.#gate = undefined
      gate?.open()
    })
    this.#leaveFlight = followFlight(cache, peer.key, bound, landed => proceed(landed))
    return true
  }

  #report(reason: ClientReason, phase: Phase = this.#phase): void {
    if (this.#isReported) return
    this.#isReported = true
    this.#debug('outcome: %s', reason)
    if (!countConnection(reason)) return
    publishConnection({
      reason,
      peer: readPeerLabel(this.#inputs.peer.key),
      offered: this.#hasOffered,
      waited: this.#waitedSince !== undefined,
      waitTime: phase === 'held' ? monotonicNow() - (this.#waitedSince ?? 0) : this.#waitTime,
      duration: phase === 'handshaking' || phase === 'secure' ? monotonicNow() - this.#startedAt : undefined,
      protocol: reason === 'failed' ? undefined : this.#port.protocol,
    })
  }

  #judgeSecure(isResumed: boolean): void {
    const { cache, peer } = this.#inputs
    const { endpoint, key } = peer
    const offerBreaker = breakerOf(cache)
    if (this.#hasOffered) settleOffers(cache, key)
    if (isResumed) peer.isWorthFollowing = true
    // @guard offer-back-off › strict-peer › strict peer: TLS * offers pause to a peer that rejects every
    //   session
    //   ⇒ `offerBreaker.rejected(endpoint, key)` becomes `{}`
    if (isResumed) offerBreaker.resumed(endpoint, key)
    else if (this.#hasOffered) offerBreaker.rejected(endpoint, key)
    else if (this.#isProbe) offerBreaker.fullSucceeded(endpoint)
  }

  /** The connection ended before its handshake was done. */
  #judgeFailure(error: unknown): void {
    const { cache, peer } = this.#inputs
    const offerBreaker = breakerOf(cache)
    if (this.#isProbe) offerBreaker.fullFailed(peer.endpoint)
    if (!this.#hasOffered) return
    settleOffers(cache, peer.key)
    // @guard offer-back-off › client-events › client events: backed-off after a peer that resets on an offer
    //   ⇒ `offerBreaker.broken(peer.endpoint)` becomes `{}`
    if (isHandshakeAlert(error)) offerBreaker.alerted(peer.endpoint)
    else if (isTransportError(error) && !this.#isHanging) offerBreaker.broken(peer.endpoint)
    // @guard offer-back-off › strict-peer › strict peer: TLS * with a peer that answers an offer by* ⇒ if false
    if (isHandshakeAlert(error) || this.#isHanging) dropSessions(cache, peer.key)
  }

  /** The connection ended after its handshake. */
  #judgeEnd(error: unknown): void {
    const { cache, peer } = this.#inputs
    const chain = this.#isResumed ? this.#offered?.chain : this.#recorder?.chain
    if (this.#port.bytesRead > 0) {
      if (chain) peer.recordAccepted(chain)
      return
    }
    const offerBreaker = breakerOf(cache)
    // A peer may reject the session that it resumed: in TLS 1.3 after the client's side of the handshake is done.
    if (this.#hasOffered && isHandshakeAlert(error)) {
      offerBreaker.alerted(peer.endpoint)
      dropSessions(cache, peer.key)
    } else if (this.#hasOffered && isTransportError(error)) offerBreaker.broken(peer.endpoint)
    const isDestroyedHere = !this.#port.hasEnded && !isTransportError(error) && !isHandshakeAlert(error)
    // The application may have rejected the peer, so what this connection brought must not authorize the next one.
    // @guard rejected-peer › chain-checks › TLSv1.3: a connection that the application rejects costs only the *
    //   ⇒ if false
    if (isDestroyedHere && !(chain && peer.hasAccepted(chain))) {
      this.#debug('destroyed before the first byte: removed what this connection stored')
      this.#recorder?.removeStored()
    }
  }

  #store(session: Buffer, info: SessionInfo, verification: Verification): void {
    const { cache, peer, verifier } = this.#inputs
    // @guard purge › purge › *: a connection under way offers nothing, and nothing is kept of it
    if (peer.generation.isOver) return
    // @guard verification-off › stored-with-verification › *: of a socket that is not authorized a strict caller *
    if (verifier.isStrict && !this.#port.isAuthorized) return
    if (!this.#recorder?.store(session, info, verification)) return
    this.#debug('stored a session of %d bytes', session.length)
    this.#recordSessionTime()
    this.#lead?.end(true)
    landFlight(cache, peer.key)
  }

  /** Only leaders count: a connection that was faster than its leader does not make that one worth waiting for. */
  #recordSessionTime(): void {
    const { endpoint } = this.#inputs.peer
    if (this.#isResumed || (this.#lead === undefined && sessionTime(endpoint) !== undefined)) return
    recordSessionTime(endpoint, monotonicNow() - this.#startedAt)
  }

  /**
   * Stores a session that a TLS 1.2 resumption renewed, as servers do after a key rotation. Node.js emits no event for
   * it, and the session at hand is worth nothing as soon as its key is gone.
   */
  #storeRenewed(): void {
    if (this.#phase !== 'secure' || !this.#port.isUsable) return
    const { ticket } = this.#port
    if (ticket === undefined || this.#ticket?.equals(ticket)) return
    this.#inputs.peer.lastTicket = ticket
    const { session } = this.#port
    if (session) this.onSession(session)
  }
}
