import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { TierMessage } from '../fleet/bounded-requests.js'

/** The histogram of requests to the second tier. It is not in the list of instruments, since it records each event. */
export const REQUEST_DURATION = {
  name: 'tier.request.duration',
  help: 'Duration of requests sent to the second tier, by how they ended',
  unit: 's',
  labels: ['operation', 'outcome'],
  /** Seconds. By default a look-up times out after 50 ms. */
  buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1],
} as const

/** Calls `record` for each request of this thread that was sent. Returns a function that stops it. */
export function onRequestDuration(
  record: (seconds: number, labels: Record<string, string>) => void,
): () => void {
  const listener = (message: unknown) => {
    const { operation, outcome, duration } = message as TierMessage
    if (duration !== undefined) record(duration / 1000, { operation, outcome })
  }
  subscribe('tls-resumption:tier', listener)
  return () => unsubscribe('tls-resumption:tier', listener)
}
