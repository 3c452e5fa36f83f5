import { clearTimeout, monotonicNow, setTimeout } from '../util/time.js'

/** A peer that has sent no byte for so many milliseconds after an offer hangs. */
export const HANG_MS = 1000
/** A timer that fires so many milliseconds late shows that this thread was busy, not that a peer hangs. */
const MAX_LAG_MS = 100

/** A connection that waits for the answer to its offer. */
interface Watched {
  since: number
  readonly onSilence: () => void
}

/** In the order of their times, so that one timer, for the first of them, serves all. */
const watched = new Set<Watched>()
let timer: NodeJS.Timeout | undefined

/**
 * Calls `onSilence` once, {@link HANG_MS} after now, unless the returned function was called before. Where this thread
 * was busy at that time, it waits as long again.
 */
export function watchForSilence(onSilence: () => void): () => void {
  const entry: Watched = { since: monotonicNow(), onSilence }
  watched.add(entry)
  timer ??= arm(HANG_MS)
  return () => {
    // The timer stays: the next connection needs it.
    watched.delete(entry)
  }
}

function arm(milliseconds: number): NodeJS.Timeout {
  return setTimeout(check, milliseconds).unref()
}

function check(): void {
  clearTimeout(timer)
  timer = undefined
  const now = monotonicNow()
  for (const entry of [...watched]) {
    const waited = now - entry.since
    if (waited < HANG_MS) break
    watched.delete(entry)
    if (waited <= HANG_MS + MAX_LAG_MS) entry.onSilence()
    else {
      entry.since = now
      watched.add(entry)
    }
  }
  const [first] = watched
  if (first !== undefined) timer = arm(Math.max(1, first.since + HANG_MS - now))
}
