import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { ClientMessage, ClientReason, ClientStats } from '../diagnostics/client-events.js'

/** The label of all peers beyond the limit, and of connections whose peer is not known. */
const OTHER = 'other'

/** The values of the label `peer` of one collector: those of the peers that came first, up to a limit. */
export class PeerLabels {
  readonly #limit: number
  /** The connections of each peer by outcome, since the collection started. */
  readonly #counts = new Map<string, Partial<ClientStats>>()

  constructor(limit: number) {
    this.#limit = limit
  }

  /** Counts the connections of this thread from now on. Returns a function that stops it. */
  start(): () => void {
    const listener = (message: unknown) => {
      const { peer, reason } = message as ClientMessage
      const counts = this.#counts.get(this.labelOf(peer))
      if (counts) counts[reason] = (counts[reason] ?? 0) + 1
    }
    subscribe('tls-resumption:client', listener)
    return () => unsubscribe('tls-resumption:client', listener)
  }

  /** Returns the label of a peer. A new peer has one of its own if the limit allows. */
  labelOf(peer: string): string {
    if (this.#counts.has(peer)) return peer
    if (peer === '' || this.#counts.size >= this.#limit) return OTHER
    this.#counts.set(peer, {})
    return peer
  }

  /** Splits the connections of this thread by peer. The values of an outcome add up to its number in `total`. */
  split(total: ClientStats): { peer: string; outcome: string; count: number }[] {
    const rest = { ...total }
    const named = [...this.#counts].flatMap(([peer, counts]) =>
      Object.entries(counts).map(([outcome, count]) => {
        rest[outcome as ClientReason] -= count
        return { peer, outcome, count }
      }),
    )
    return [...named, ...Object.entries(rest).map(([outcome, count]) => ({ peer: OTHER, outcome, count }))]
  }
}
