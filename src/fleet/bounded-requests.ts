/** Requests to a store that may be slow, or gone: nobody waits longer than told, and little piles up. */

import { channel } from 'node:diagnostics_channel'
import { createHistogram } from 'node:perf_hooks'
import { type BreakerState, CircuitBreaker } from '../util/circuit-breaker.js'
import { clearTimeout, monotonicNow, setImmediate, setTimeout } from '../util/time.js'

/** How a request ended. */
export type RequestOutcome = 'answered' | 'timeout' | 'error' | 'unavailable'

/** What `diagnostics_channel` publishes as `tls-resumption:tier`, when a request to the second tier ends. */
export interface TierMessage {
  operation: 'look-up' | 'store' | 'delete'
  /** `unavailable`: it was not sent, since there is no connection, or there were failures in a row. */
  outcome: RequestOutcome
  /** Milliseconds from sending it until its end; undefined where it was not sent. */
  duration: number | undefined
}

const messages = channel('tls-resumption:tier')

/** How long look-ups that were answered took, in milliseconds. */
export interface Latency {
  /** 0 before the first. */
  mean: number
  p50: number
  p99: number
  max: number
}

/** Requests that clients may have in hand: what is abandoned here still waits there. */
const MAX_PENDING = 1000

export class StoreRequests {
  readonly #breaker = new CircuitBreaker()
  readonly #latency = createHistogram()
  readonly #isReady: () => boolean
  readonly #timeout: number
  #pending = 0

  constructor(isReady: () => boolean, timeout: number) {
    this.#isReady = isReady
    this.#timeout = timeout
  }

  get breaker(): BreakerState {
    return this.#breaker.state
  }

  get latency(): Latency {
    const { count, mean, max } = this.#latency
    const of = (nanoseconds: number) => (count === 0 ? 0 : nanoseconds / 1e6)
    return {
      mean: of(mean),
      p50: of(this.#latency.percentile(50)),
      p99: of(this.#latency.percentile(99)),
      max: of(max),
    }
  }

  /** Sends a request, or does not; `done` is called exactly once, at once if it does not. */
  request(
    operation: TierMessage['operation'],
    send: () => Promise<unknown>,
    done: (outcome: RequestOutcome, reply?: unknown) => void,
  ): void {
    if (this.#pending >= MAX_PENDING || !this.#isReady() || !this.#breaker.admits()) {
      publish(operation, 'unavailable')
      done('unavailable')
      return
    }
    let isOver = false
    const end = (outcome: RequestOutcome, reply?: unknown): void => {
      if (isOver) return
      isOver = true
      clearTimeout(timer)
      const duration = monotonicNow() - began
      publish(operation, outcome, duration)
      if (outcome === 'answered') {
        this.#latency.record(Math.max(1, Math.round(duration * 1e6)))
        this.#breaker.succeeded()
      } else {
        this.#breaker.failed()
      }
      done(outcome, reply)
    }
    const began = monotonicNow()
    // After a long turn of the event loop the answer may be here, unread: timers come before it.
    const timer = setTimeout(() => setImmediate(end, 'timeout'), this.#timeout)
    const settled = (outcome: RequestOutcome) => (reply?: unknown) => {
      this.#pending--
      end(outcome, reply)
    }
    this.#pending++
    attempt(send).then(settled('answered'), settled('error'))
  }
}

function publish(operation: TierMessage['operation'], outcome: RequestOutcome, duration?: number): void {
  if (messages.hasSubscribers) messages.publish({ operation, outcome, duration } satisfies TierMessage)
}

/** What a client throws at once counts as what it rejects with. */
export async function attempt(send: () => Promise<unknown>): Promise<unknown> {
  return send()
}
