/** The histograms of this package. They record each event while they are collected, so nothing is recorded before. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { ClientMessage, ClientReason } from '../diagnostics/client-events.js'
import type { ServerMessage } from '../diagnostics/server-events.js'
import type { TierMessage } from '../fleet/bounded-requests.js'
import type { PeerLabels } from './peer-labels.js'

export interface Histogram {
  /** Parts separated by dots, without the name of the package: `client.handshake.duration`. */
  name: string
  help: string
  unit: 's'
  labels: readonly string[]
  /** True if each value belongs to a peer. */
  hasPeer: boolean
  /** The upper limits of the buckets, in seconds. */
  buckets: readonly number[]
  /** The channel whose messages hold the values. */
  channel: string
  /** Returns the value of a message, or undefined if the message has none. */
  read(message: never): HistogramValue | undefined
}

export interface HistogramValue {
  seconds: number
  labels: Record<string, string>
  peer?: string
}

/** From a resumed handshake on loopback to one that the peer delays. */
const HANDSHAKE_BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

export const HISTOGRAMS: readonly Histogram[] = [
  {
    name: 'client.handshake.duration',
    help: 'Duration of handshakes of clients, which resumed, were full, or failed',
    unit: 's',
    labels: ['outcome'],
    hasPeer: true,
    buckets: HANDSHAKE_BUCKETS,
    channel: 'tls-resumption:client',
    read: ({ reason, peer, duration }: ClientMessage) =>
      duration === undefined
        ? undefined
        : { seconds: duration / 1000, labels: { outcome: handshakeOutcome(reason) }, peer },
  },
  {
    name: 'client.wait.duration',
    help: 'Duration of waits of client connections for the session of another connection',
    unit: 's',
    labels: ['outcome'],
    hasPeer: true,
    // A connection waits at most 250 ms.
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.5],
    channel: 'tls-resumption:client',
    read: ({ reason, peer, waited, waitTime }: ClientMessage) =>
      waited ? { seconds: waitTime / 1000, labels: { outcome: handshakeOutcome(reason) }, peer } : undefined,
  },
  {
    name: 'server.handshake.duration',
    help: 'Duration of handshakes of servers, which resumed or were full',
    unit: 's',
    labels: ['outcome'],
    hasPeer: false,
    buckets: HANDSHAKE_BUCKETS,
    channel: 'tls-resumption:server',
    read: ({ reason, duration }: ServerMessage) =>
      duration === undefined ? undefined : { seconds: duration / 1000, labels: { outcome: reason } },
  },
  {
    name: 'tier.request.duration',
    help: 'Duration of requests sent to the second tier',
    unit: 's',
    labels: ['operation', 'outcome'],
    hasPeer: false,
    // By default a look-up times out after 50 ms.
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1],
    channel: 'tls-resumption:tier',
    read: ({ operation, outcome, duration }: TierMessage) =>
      duration === undefined ? undefined : { seconds: duration / 1000, labels: { operation, outcome } },
  },
]

/** Calls `record` for each value of this thread. Returns a function that stops it. */
export function onValue(
  { channel, hasPeer, read }: Histogram,
  peers: PeerLabels | undefined,
  record: (seconds: number, labels: Record<string, string>) => void,
): () => void {
  const listener = (message: unknown) => {
    const value = read(message as never)
    if (value === undefined) return
    const { seconds, labels, peer = '' } = value
    record(seconds, hasPeer && peers !== undefined ? { ...labels, peer: peers.labelOf(peer) } : labels)
  }
  subscribe(channel, listener)
  return () => unsubscribe(channel, listener)
}

/** Returns how the handshake ended. Why it was full is the outcome of its connection. */
function handshakeOutcome(reason: ClientReason): string {
  return reason === 'resumed' || reason === 'failed' ? reason : 'full'
}
