import { clearTimeout, monotonicNow, setTimeout } from '../../util/time.js'

/** How long a peer may send no byte after an offer, in milliseconds, before it counts as hanging. */
export const HANG_MS = 1000
/** A timer that fires later than this, in milliseconds, shows that the thread was busy, not that a peer hangs. */
const MAX_LAG_MS = 100

/** A connection that waits for the answer to its offer. */
interface Waiting {
  onSilence(): void
}

/** Since when each connection waits. In the order of their times: one timer, for the first of them, serves all. */
const watched = new Map<Waiting, number>()
let timer: NodeJS.Timeout | undefined

/**
 * Calls `onSilence` once, {@link HANG_MS} after now, unless {@link endWatch} was called before. Where this thread was busy
 * at that time, it waits as long again.
 *
 * @param now the time of {@link monotonicNow}.
 */
export function watchForSilence(connection: Waiting, now: number): void {
  watched.set(connection, now)
  timer ??= arm(HANG_MS)
}

/** Ends the watch. The timer stays: the next connection needs it. */
export function endWatch(connection: Waiting): void {
  watched.delete(connection)
}

function arm(milliseconds: number): NodeJS.Timeout {
  return setTimeout(check, milliseconds).unref()
}

function check(): void {
  clearTimeout(timer)
  timer = undefined
  const now = monotonicNow()
  for (const [connection, since] of [...watched]) {
    const waited = now - since
    if (waited < HANG_MS) break
    watched.delete(connection)
    if (waited <= HANG_MS + MAX_LAG_MS) connection.onSilence()
    else watched.set(connection, now)
  }
  for (const since of watched.values()) {
    timer = arm(Math.max(1, since + HANG_MS - now))
    return
  }
}
