import { breakerOf } from '../../cache/offer-breaker.js'
import type { SocketPort } from '../../node/socket-port.js'
import { debugAttempt } from './debug-attempt.js'
import { endWatch, HANG_MS, watchForSilence } from './hang-watch.js'
import type { AttemptInputs } from './inputs.js'

/** Watches until the handshake of one connection is done whether the peer answers its offer. */
export class OfferWatch {
  readonly #inputs: AttemptInputs
  readonly #port: SocketPort
  /** Names the connection in the debug log. */
  readonly #id: number
  #isHanging = false
  /** What was read before the offer. */
  readonly #bytes: number

  constructor(inputs: AttemptInputs, port: SocketPort, id: number, startedAt: number) {
    this.#inputs = inputs
    this.#port = port
    this.#id = id
    // A connection of its own has read nothing yet.
    this.#bytes = inputs.isOverStream ? (port.transportBytesRead ?? 0) : 0
    watchForSilence(this, startedAt)
  }

  /** True if no byte came in time. */
  get isHanging(): boolean {
    return this.#isHanging
  }

  end(): void {
    endWatch(this)
  }

  /** Called where the peer may not have answered the offer: then the next connection makes none. */
  onSilence(): void {
    const bytes = this.#port.transportBytesRead
    if (bytes === undefined || bytes > this.#bytes) return
    this.#isHanging = true
    debugAttempt(this.#id, 'no byte came for %d ms after the offer', HANG_MS)
    const { cache, peer } = this.#inputs
    breakerOf(cache).broken(peer.endpoint)
  }
}
