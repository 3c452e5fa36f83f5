/** Requests to a store that may be slow or gone: waits are bounded, and so is the number of pending requests. */

import { channel } from 'node:diagnostics_channel'
import { createHistogram } from 'node:perf_hooks'
import { type BreakerState, CircuitBreaker } from '../util/circuit-breaker.js'
import { clearTimeout, monotonicNow, setImmediate, setTimeout } from '../util/time.js'
import { storeSilent, storeUnavailable } from './errors.js'

/** How a request ended. */
export type RequestOutcome = 'answered' | 'timeout' | 'error' | 'unavailable'

/** What `diagnostics_channel` publishes as `tls-resumption:tier` when a request to the second tier ends. */
export interface TierMessage {
  /** What was asked of the store. */
  operation: 'look-up' | 'store' | 'delete'
  /** `unavailable`: it was not sent, since there is no connection, or several requests in a row failed. */
  outcome: RequestOutcome
  /** Milliseconds from sending the request until its end; undefined if it was not sent. */
  duration: number | undefined
}

const messages = channel('tls-resumption:tier')

/** How long answered look-ups took, in milliseconds. */
export interface Latency {
  /** 0 before the first. */
  mean: number
  /** The median. */
  p50: number
  /** 99 of 100 look-ups took no longer. */
  p99: number
  /** The longest look-up. */
  max: number
}

/** A request that was given up still waits in the client. */
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

  /** Sends a request if the store is available. `done` is called exactly once; at once if it is not. */
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
    // After a long turn of the event loop the answer may have arrived and not been read: timers run first.
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

/** Sends a request that no handshake waits for. Rejects if the store is not connected or does not answer in time. */
export type Ask = (send: () => Promise<unknown>) => Promise<unknown>

const BACKGROUND_TIMEOUT_MS = 2000
/** A request that was given up still waits in the client. */
const MAX_BACKGROUND_PENDING = 8

/** Returns a function that sends background requests through one client, a few at a time. */
export function backgroundRequests(isReady: () => boolean): Ask {
  let pending = 0
  return send => {
    if (pending >= MAX_BACKGROUND_PENDING || !isReady()) return Promise.reject(storeUnavailable())
    pending++
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(storeSilent()), BACKGROUND_TIMEOUT_MS).unref()
      attempt(send)
        .finally(() => {
          pending--
          clearTimeout(timer)
        })
        .then(resolve, reject)
    })
  }
}

/** Runs `send`, and rejects with what it throws. */
async function attempt(send: () => Promise<unknown>): Promise<unknown> {
  return send()
}
