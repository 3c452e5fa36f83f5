import { monotonicNow } from './time.js'

/** `closed` admits every request, `open` none, `half-open` one whose outcome decides what follows. */
export type BreakerState = 'closed' | 'open' | 'half-open'

const FAILURE_THRESHOLD = 5
const FIRST_PAUSE_MS = 1000
const MAX_PAUSE_MS = 10_000

/**
 * Stops requests after five consecutive failures: first for one second, then for twice as long after each further
 * failure, up to ten seconds. After each pause it admits one request.
 */
export class CircuitBreaker {
  #failures = 0
  #pause = FIRST_PAUSE_MS
  #until = 0
  #isProbing = false
  readonly #now: () => number

  /** `now` returns milliseconds of a monotonic clock. */
  constructor(now: () => number = () => monotonicNow()) {
    this.#now = now
  }

  get state(): BreakerState {
    if (this.#failures < FAILURE_THRESHOLD) return 'closed'
    return this.#isProbing || this.#now() >= this.#until ? 'half-open' : 'open'
  }

  /** Returns true if a request may start now. The caller then reports its outcome by `succeeded` or `failed`. */
  admits(): boolean {
    const { state } = this
    if (state === 'half-open' && !this.#isProbing) {
      this.#isProbing = true
      return true
    }
    return state === 'closed'
  }

  /** Closes the breaker. */
  succeeded(): void {
    this.#failures = 0
    this.#pause = FIRST_PAUSE_MS
    this.#isProbing = false
  }

  /** Counts a failure. The fifth in a row opens the breaker, and each failed probe doubles its pause. */
  failed(): void {
    this.#failures++
    if (this.#failures < FAILURE_THRESHOLD) return
    // A request that was already running when the breaker opened carries no news, so it does not extend the pause.
    if (this.#failures > FAILURE_THRESHOLD && !this.#isProbing) return
    this.#isProbing = false
    this.#until = this.#now() + this.#pause
    this.#pause = Math.min(MAX_PAUSE_MS, this.#pause * 2)
  }
}
