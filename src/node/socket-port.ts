import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type tls from 'node:tls'
import { type HandshakeGate, hasStartedHandshake, holdHandshake, isWaitingToStart } from './handshake-gate.js'
import { defineMethod } from './patch.js'
import { sentCertificates } from './tls-internals.js'

/** What a client's connection goes through. Each is called before the application's listeners of the same event. */
export interface SocketEvents {
  /** An attempt to reach one address begins. With Happy Eyeballs there are several. */
  onAddress(): void
  /** The transport is connected, and the handshake is about to start. */
  onTransportConnected(): void
  /** The handshake has succeeded. Called again after a renegotiation. */
  onSecure(): void
  onSession(session: Buffer): void
  /** The application called `setSession()`. */
  onCallerSession(): void
  /** The connection has failed, with an error, or has ended. May be called twice. */
  onClosed(error: unknown): void
}

/** What a `ConnectionAttempt` asks of its socket: tests replace it by a fake. */
export interface SocketPort {
  /** True while the native TLS object exists. Node.js aborts the process where some of its methods are called later. */
  readonly isUsable: boolean
  readonly hasStartedHandshake: boolean
  readonly isResumed: boolean
  readonly isAuthorized: boolean
  readonly isDestroyed: boolean
  /** True if the application called `end()`, or the peer has ended the stream. */
  readonly hasEnded: boolean
  readonly protocol: string | undefined
  /** Bytes of application data received. */
  readonly bytesRead: number
  /** Bytes received from the transport; undefined where that is not known. */
  readonly transportBytesRead: number | undefined
  /** The TLS 1.2 ticket that this connection offers or got. */
  readonly ticket: Buffer | undefined
  readonly session: Buffer | undefined
  /** Lets Node.js emit `session`. To be called before the handshake. */
  watchSessions(): void
  giveSession(session: Buffer): void
  setAuthorizationError(code: string): void
  /** The certificates that the peer sent in the last full handshake, as DER. Undefined where they are not known. */
  readonly sentCertificates: readonly Buffer[] | undefined
  /** The peer's certificate with its issuers, as after any full handshake. */
  peerCertificate(): tls.DetailedPeerCertificate | undefined
  hold(onEnd: () => void): HandshakeGate | undefined
}

/** What Node.js has on its sockets and does not document. */
interface Internals {
  _handle?: {
    enableSessionCallbacks?(): void
    _parent?: { bytesRead?: number }
  } | null
}

type ClientSocket = tls.TLSSocket & Internals & { setSession(session: Buffer): void }

/**
 * The socket of `tls.connect`, watched through its own `emit`: listeners would be counted by `listenerCount`, and could
 * not come before the application's.
 */
export class TlsSocketPort implements SocketPort {
  readonly #socket: ClientSocket
  readonly #setSession: ClientSocket['setSession']
  /** Node.js may reset `destroyed` after it has emitted 'close', though the native TLS object is gone. */
  #isClosed = false
  /** True if this package has given the socket a session. */
  #hasGiven: boolean

  /** `hasGiven`: the options of the socket had a session of this package. */
  constructor(socket: tls.TLSSocket, events: SocketEvents, hasGiven = false) {
    this.#hasGiven = hasGiven
    this.#socket = socket as ClientSocket
    this.#setSession = this.#socket.setSession
    const { emit: ofNode } = socket
    const emit = (...args: [name: string | symbol, ...rest: unknown[]]) => {
      this.#notify(events, args[0], args[1])
      return ofNode.apply(socket, args as Parameters<typeof ofNode>)
    }
    const setSession = (session: Buffer) => {
      // Node.js does not use a session that it gets during the handshake. OpenSSL would mix it with the offered one.
      if (this.#hasGiven && this.isUsable && !isWaitingToStart(socket)) return
      events.onCallerSession()
      this.#setSession.call(socket, session)
    }
    defineMethod(socket, 'emit', emit)
    defineMethod(socket, 'setSession', setSession)
  }

  /** Calls the method of an event. An exception must not reach the code that emits. */
  #notify(events: SocketEvents, name: string | symbol, argument: unknown): void {
    try {
      if (name === 'connectionAttempt') events.onAddress()
      else if (name === 'connect') events.onTransportConnected()
      else if (name === 'secureConnect') events.onSecure()
      else if (name === 'session') events.onSession(argument as Buffer)
      else if (name === 'error' || name === 'close') {
        this.#isClosed = true
        events.onClosed(name === 'error' ? argument : undefined)
      }
    } catch {
      // In doubt, the connection does what it does without this package.
    }
  }

  get isUsable(): boolean {
    const { _handle: handle, destroyed } = this.#socket
    return !destroyed && !this.#isClosed && typeof handle?.enableSessionCallbacks === 'function'
  }

  get hasStartedHandshake(): boolean {
    return hasStartedHandshake(this.#socket)
  }

  get isResumed(): boolean {
    return this.#socket.isSessionReused()
  }

  get isAuthorized(): boolean {
    return this.#socket.authorized
  }

  get isDestroyed(): boolean {
    return this.#socket.destroyed
  }

  get hasEnded(): boolean {
    return this.#socket.writableEnded || this.#socket.readableEnded
  }

  get protocol(): string | undefined {
    return this.#socket.getProtocol() ?? undefined
  }

  get bytesRead(): number {
    return this.#socket.bytesRead
  }

  get transportBytesRead(): number | undefined {
    return this.#socket._handle?._parent?.bytesRead
  }

  get ticket(): Buffer | undefined {
    return this.isUsable ? this.#socket.getTLSTicket() : undefined
  }

  get session(): Buffer | undefined {
    return this.isUsable ? this.#socket.getSession() : undefined
  }

  watchSessions(): void {
    if (this.isUsable) this.#socket._handle?.enableSessionCallbacks?.()
  }

  giveSession(session: Buffer): void {
    if (!this.isUsable) return
    this.#setSession.call(this.#socket, session)
    this.#hasGiven = true
  }

  setAuthorizationError(code: string): void {
    this.#socket.authorized = false
    // Node.js writes the code here, though its types say that this is an Error.
    this.#socket.authorizationError = code as unknown as Error
  }

  get sentCertificates(): readonly Buffer[] | undefined {
    return this.isUsable ? sentCertificates(this.#socket) : undefined
  }

  peerCertificate(): tls.DetailedPeerCertificate | undefined {
    const certificate = this.isUsable ? this.#socket.getPeerCertificate(true) : undefined
    return certificate && Object.keys(certificate).length > 0 ? certificate : undefined
  }

  hold(onEnd: () => void): HandshakeGate | undefined {
    return holdHandshake(this.#socket, onEnd)
  }
}

/** True if `tls.connect` over this stream waits for its `connect` event before it starts the handshake. */
export function isConnecting(stream: Duplex): boolean {
  return stream instanceof Socket && (stream.connecting || (stream as Internals)._handle == null)
}
