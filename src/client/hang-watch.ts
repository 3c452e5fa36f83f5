import { clearTimeout, monotonicNow, setTimeout } from '../util/time.js'

/** How long a peer may send no byte after an offer, in milliseconds, before it counts as hanging. */
export const HANG_MS = 1000
/** A timer that fires later than this, in milliseconds, shows that the thread was busy, not that a peer hangs. */
const MAX_LAG_MS = 100

/** A connection that waits for the answer to its offer. */
interface Watched {
  since: number
  readonly onSilence: () => void
}

/** In the order of their times: one timer, for the first of them, serves all. */
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
