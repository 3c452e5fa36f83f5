import { monotonicNow, setImmediate } from '../../util/time.js'

/** How long a connection took to reach the address that won, in milliseconds. */
export interface ConnectTimes {
  /** Until the thread read that it is connected. */
  readonly total: number
  /** The part of it in which the thread could read, and did not compute. It is near the round trip time. */
  readonly network: number
}

/** One turn of the event loop of this thread. All connections that ask for it within the turn share the object. */
interface LoopTurn {
  startedAt: number
  /** Undefined while the turn goes on. */
  endedAt: number | undefined
}

let current: LoopTurn | undefined

function currentTurn(): LoopTurn {
  if (current !== undefined) return current
  const turn: LoopTurn = { startedAt: monotonicNow(), endedAt: undefined }
  current = turn
  setImmediate(() => {
    turn.endedAt = monotonicNow()
    current = undefined
  })
  return turn
}

/** Measures how long a connection takes to reach an address. */
export class ConnectTimer {
  #startedAt: number | undefined
  #startedIn: LoopTurn | undefined

  /**
   * An attempt to reach an address begins. With Happy Eyeballs there are several, and the last one wins. `isExact`: true if
   * the part of the network is asked for, which takes a callback in each turn.
   */
  start(isExact = true): void {
    this.#startedAt = monotonicNow()
    this.#startedIn = isExact ? currentTurn() : undefined
  }

  /** Returns the times of a connection that the thread reads as connected in this turn. To a unix socket it takes no time. */
  read(now: number): ConnectTimes {
    if (this.#startedAt === undefined) return { total: 0, network: 0 }
    const total = now - this.#startedAt
    if (this.#startedIn === undefined) return { total, network: total }
    const couldReadAt = this.#startedIn.endedAt ?? this.#startedAt
    return { total, network: Math.max(0, currentTurn().startedAt - couldReadAt) }
  }
}
