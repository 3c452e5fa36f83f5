import type tls from 'node:tls'
import { type ClientReason, countConnection, recordConnection } from '../../diagnostics/client-events.js'
import { type SocketEvents, type SocketPort, TlsSocketPort } from '../../node/socket-port.js'
import { returnCertificates } from '../../session/resumed-socket.js'
import { isDebugging } from '../../util/log.js'
import { monotonicNow } from '../../util/time.js'
import { recordSessionTime, sessionTime } from '../peer-state.js'
import type { CheckServerIdentity } from '../reverify.js'
import { SessionRecorder } from '../session-recorder.js'
import { landFlight, waitBound } from '../single-flight.js'
import { ConnectTimer } from './connect-timer.js'
import { debugAttempt } from './debug-attempt.js'
import { FlightMember } from './flight-member.js'
import type { AttemptInputs, LateInputs } from './inputs.js'
import { judgeEnd, judgeFailure, judgeSecure } from './judge.js'
import { OfferWatch } from './offer-watch.js'
import { Offering } from './offering.js'
import { publishOutcome, reasonOf } from './report.js'
import { takeSession } from './take-session.js'
import { verifyHandshake } from './verify-handshake.js'

let attemptCount = 0

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
  #offering!: Offering
  #flight: FlightMember | undefined
  #watch: OfferWatch | undefined
  /** True if the application gave the socket a session: then nothing is stored, and nothing is judged. */
  #hasCallerSession = false
  #isResumed = false
  #isReported = false
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
    this.#offering = new Offering(inputs, this.#id)
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
    this.#offering.choose((session, offered) => {
      this.#offering.accept(session, offered)
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
    const peer = this.#recorder && this.#inputs.peer
    // How long the last session took says more than the network does.
    this.#connectTimer.start(
      peer === undefined || (peer.hasLeaders && sessionTime(peer.endpoint) === undefined),
    )
  }

  onTransportConnected(): void {
    if (this.#phase !== 'connecting') return
    if (!this.#hasInputs) {
      this.#phase = 'closed'
      return
    }
    if (!this.#port.isUsable) return
    this.#startedAt = monotonicNow()
    this.#port.watchSessions()
    this.#offer()
    const mayJoin = this.#inputs.coalesce && this.#offering.isWithoutSession && this.#isFree
    if (mayJoin && this.#joinFlight()) return
    this.#phase = 'handshaking'
  }

  onSecure(): void {
    const recorder = this.#recorder
    if (this.#phase === 'closed' || recorder === undefined) return
    const isFirst = this.#phase !== 'secure'
    this.#phase = 'secure'
    this.#watch?.end()
    if (this.#hasCallerSession) {
      if (isFirst) this.#report('caller-session')
      return
    }
    const isResumed = this.#hasOffered && this.#port.isResumed
    this.#isResumed = isResumed
    verifyHandshake(this.#port, recorder, this.#offering, isResumed)
    if (!isFirst) return
    judgeSecure(this.#inputs, this.#offering, isResumed)
    this.#flight?.onSecure(this.#port.protocol === 'TLSv1.3')
    this.#report(reasonOf(this.#offering, isResumed))
    // After the application's listeners: they may turn the peer away.
    // @guard rejected-peer › tls12-renewal › TLS 1.2 renewal: nothing is stored if the secureConnect listener
    //   destroys the socket
    //   ⇒ `process.nextTick(() => this.#storeRenewed())` becomes `this.#storeRenewed()`
    if (isResumed && this.#offering.offered?.isBelowTls13) process.nextTick(() => this.#storeRenewed())
  }

  onSession(session: Buffer): void {
    // @guard caller-session › caller-session › caller session: * stores nothing if the server rejects the
    //   caller's session
    //   ⇒ without `this.#hasCallerSession ||`
    if (this.#hasCallerSession || this.#phase === 'closed' || this.#recorder === undefined) return
    const isStored = takeSession(session, {
      id: this.#id,
      inputs: this.#inputs,
      recorder: this.#recorder,
      offering: this.#offering,
      port: this.#port,
      isContextUnchanged: this.#isContextUnchanged,
    })
    if (!isStored) return
    const { cache, peer } = this.#inputs
    this.#recordSessionTime()
    this.#flight?.endLead(true)
    landFlight(cache, peer.key)
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
    const recorder = this.#recorder
    if (recorder === undefined) {
      recordConnection('failed', () => this.#findInputs?.label() ?? '')
      return
    }
    this.#watch?.end()
    this.#flight?.abandon()
    this.#report('failed', phase)
    this.#flight?.endLead(phase !== 'secure')
    if (this.#hasCallerSession) return
    if (phase !== 'secure') judgeFailure(this.#inputs, this.#offering, error, this.#watch?.isHanging ?? false)
    else if (judgeEnd(this.#inputs, this.#offering, recorder, this.#port, this.#isResumed, error))
      this.#debug('destroyed before the first byte: removed what this connection stored')
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
    debugAttempt(this.#id, format, ...values)
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
    return this.#recorder !== undefined && this.#offering.hasOffered
  }

  #offer(): void {
    if (!this.#isFree) return
    try {
      this.#offering.choose((session, offered) => {
        this.#port.giveSession(session)
        this.#offering.accept(session, offered)
      })
      this.#afterOffer()
    } catch {
      // In doubt, a full handshake.
    }
  }

  #afterOffer(): void {
    const { hasOffered, offered } = this.#offering
    if (!hasOffered || offered === undefined) return
    // @guard caller-session › resumed-socket › resumed socket: * with a caller session it returns what plain
    //   Node returns
    //   ⇒ `this.#hasCallerSession ? undefined : offered.chain` becomes `offered.chain`
    returnCertificates(this.#socket, () => (this.#hasCallerSession ? undefined : offered.chain))
    this.#offering.recordTicket(this.#port)
    this.#watch = new OfferWatch(this.#inputs, this.#port, this.#id, this.#startedAt)
  }

  /** Returns true if the handshake is held until another connection has a session. */
  #joinFlight(): boolean {
    const { peer, isOverStream } = this.#inputs
    const times = isOverStream ? undefined : this.#connectTimer.read(this.#startedAt)
    const bound = waitBound(times, sessionTime(peer.endpoint))
    this.#flight = new FlightMember(this.#inputs, this.#offering, {
      isHeld: () => this.#phase === 'held',
      hold: onEnd => this.#port.hold(onEnd),
      offer: () => {
        this.#startedAt = monotonicNow()
        this.#offer()
      },
      goOn: () => {
        this.#phase = 'handshaking'
      },
    })
    if (!this.#flight.join(bound)) return false
    this.#phase = 'held'
    this.#debug('follows for %d ms at most', bound)
    return true
  }

  #report(reason: ClientReason, phase: Phase = this.#phase): void {
    if (this.#isReported) return
    this.#isReported = true
    this.#debug('outcome: %s', reason)
    if (!countConnection(reason)) return
    const hasStarted = phase === 'handshaking' || phase === 'secure'
    const duration = hasStarted ? monotonicNow() - this.#startedAt : undefined
    publishOutcome(reason, this.#inputs, this.#offering, this.#flight, this.#port, duration)
  }

  /** Only leaders count: a connection that was faster than its leader does not make that one worth waiting for. */
  #recordSessionTime(): void {
    const { endpoint } = this.#inputs.peer
    if (this.#isResumed || (!this.#flight?.isLeader && sessionTime(endpoint) !== undefined)) return
    recordSessionTime(endpoint, monotonicNow() - this.#startedAt)
  }

  /**
   * Stores a session that a TLS 1.2 resumption renewed, as servers do after a key rotation. Node.js emits no event for
   * it, and the session at hand is worth nothing as soon as its key is gone.
   */
  #storeRenewed(): void {
    if (this.#phase !== 'secure' || !this.#port.isUsable) return
    if (!this.#offering.acceptRenewed(this.#port.ticket)) return
    const { session } = this.#port
    if (session) this.onSession(session)
  }
}
