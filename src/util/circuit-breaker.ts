import { monotonicNow } from './time.js'
/** Whether something that fails is asked: always, not, or once to see. */
export type BreakerState = 'closed' | 'open' | 'half-open'

const FAILURES = 5
const FIRST_PAUSE = 1000
const LONGEST_PAUSE = 10_000

/**
 * Leaves alone what has failed five times in a row: for a second, then after each further failure for twice as long,
 * up to ten. After each pause one request is let through, whose outcome decides.
 */
export class Breaker {
  #failures = 0
  #pause = FIRST_PAUSE
  #until = 0
  #isProbing = false
  readonly #now: () => number

  /** `now`: milliseconds of a clock that only goes forward. */
  constructor(now: () => number = () => monotonicNow()) {
    this.#now = now
  }

  get state(): BreakerState {
    if (this.#failures < FAILURES) return 'closed'
    return this.#isProbing || this.#now() >= this.#until ? 'half-open' : 'open'
  }

  /** Whether to ask now. Who is told so reports back. */
  admits(): boolean {
    const { state } = this
    if (state === 'half-open' && !this.#isProbing) {
      this.#isProbing = true
      return true
    }
    return state === 'closed'
  }

  succeeded(): void {
    this.#failures = 0
    this.#pause = FIRST_PAUSE
    this.#isProbing = false
  }

  failed(): void {
    this.#failures++
    if (this.#failures < FAILURES) return
    // Requests that were under way when it opened say nothing new.
    if (this.#failures > FAILURES && !this.#isProbing) return
    this.#isProbing = false
    this.#until = this.#now() + this.#pause
    this.#pause = Math.min(LONGEST_PAUSE, this.#pause * 2)
  }
}
