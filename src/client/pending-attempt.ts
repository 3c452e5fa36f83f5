import type tls from 'node:tls'
import { recordConnection } from '../diagnostics/client-events.js'
import { type SocketEvents, TlsSocketPort } from '../node/socket-port.js'
import { type AttemptInputs, ConnectionAttempt } from './attempt.js'
import type { CheckServerIdentity } from './reverify.js'

/**
 * A connection over a socket that the caller has yet to connect. Its endpoint is not known before, so the attempt to
 * resume begins when the socket is connected.
 */
export class PendingAttempt implements SocketEvents {
  readonly #settle: () => AttemptInputs | undefined
  readonly #isContextUnchanged: () => boolean
  readonly #label: () => string
  #port!: TlsSocketPort
  #socket!: tls.TLSSocket
  #attempt: ConnectionAttempt | undefined
  #isSettled = false
  #hasCallerSession = false

  /** `settle` returns what the connection needs to resume; undefined where it does not, which `settle` records. */
  constructor(
    settle: () => AttemptInputs | undefined,
    isContextUnchanged: () => boolean,
    label: () => string,
  ) {
    this.#settle = settle
    this.#isContextUnchanged = isContextUnchanged
    this.#label = label
  }

  /** Returns the `checkServerIdentity` for the options of the connection. */
  capturing(check: CheckServerIdentity): CheckServerIdentity {
    const pending = this
    return function (this: unknown, ...args) {
      return Reflect.apply(pending.#attempt?.capturing(check) ?? check, this, args)
    }
  }

  attach(socket: tls.TLSSocket): void {
    this.#socket = socket
    this.#port = new TlsSocketPort(socket, this)
  }

  onAddress(): void {
    this.#attempt?.onAddress()
  }

  onTransportConnected(): void {
    if (!this.#isSettled) this.#begin()
    this.#attempt?.onTransportConnected()
  }

  #begin(): void {
    this.#isSettled = true
    const inputs = this.#settle()
    if (inputs === undefined) return
    const attempt = new ConnectionAttempt(inputs, this.#isContextUnchanged)
    attempt.attachPort(this.#port, this.#socket)
    if (this.#hasCallerSession) attempt.onCallerSession()
    this.#attempt = attempt
  }

  onSecure(): void {
    this.#attempt?.onSecure()
  }

  onSession(session: Buffer): void {
    this.#attempt?.onSession(session)
  }

  onCallerSession(): void {
    this.#hasCallerSession = true
    this.#attempt?.onCallerSession()
  }

  onClosed(error: unknown): void {
    this.#attempt?.onClosed(error)
    if (this.#isSettled) return
    this.#isSettled = true
    recordConnection('failed', this.#label)
  }
}
