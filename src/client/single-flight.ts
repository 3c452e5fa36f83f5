import { BroadcastChannel } from 'node:worker_threads'
import { acquireLease, releaseLease } from '../cache/internal.js'
import type { SessionCache } from '../cache/session-cache.js'
import { clearTimeout, monotonicNow, setImmediate, setTimeout } from '../util/time.js'

/**
 * How long, in milliseconds, a connection waits at most for the session of the one that leads, and how long the lease
 * of a leader lasts that is not heard of any more.
 */
export const MAX_WAIT_MS = 1000
/**
 * TLS 1.3 tickets come after the handshake, a round trip later: a leader is given as long again as its handshake took,
 * and this many milliseconds for whoever is busy.
 */
const GRACE_MS = 200

/** Tells other threads under which key a leader has ended. */
const CHANNEL = 'tls-resumption:burst'

/** The right to do the full handshake for all connections of the process that begin under the key now. */
export interface Lead {
  /** The handshake is done. Whether its sessions come later, as in TLS 1.3, or now. */
  onSecure(later: boolean): void
  /** Ends it: those who wait look for a session and go on. `fruitful`: whether waiting made sense. */
  end(fruitful: boolean): void
}

interface Waiter {
  cache: SessionCache
  goOn(): void
}

/** Who leads in this thread, by key; a waiter for one of them need not ask the others. */
const leaders = new Map<string, SessionCache>()
const waiters = new Map<string, Set<Waiter>>()
/** Open while somebody in this thread waits for another. */
let channel: BroadcastChannel | undefined

/**
 * For a connection that found no session. Undefined: go on alone. A {@link Lead}: go on, and tell how it ends. `wait`:
 * another connection leads.
 */
export function join(cache: SessionCache, key: string): Lead | 'wait' | undefined {
  if (leaders.get(key) === cache) return 'wait'
  let lease = acquireLease(cache, key, MAX_WAIT_MS)
  if (lease === 0 && channel === undefined) {
    // The leader may have ended before there was anything to hear of it.
    listen()
    lease = acquireLease(cache, key, MAX_WAIT_MS)
    if (lease !== 0) stopListening()
  }
  if (lease === 0) return 'wait'
  return lease > 0 ? lead(cache, key, lease) : undefined
}

/** Calls `goOn` once: when the leader has ended, or after {@link MAX_WAIT_MS}. Returns what does so at once. */
export function wait(cache: SessionCache, key: string, goOn: () => void): () => void {
  const waiter = { cache, goOn: () => end() }
  const timer = setTimeout(() => end(), MAX_WAIT_MS)
  const ofKey = waiters.get(key) ?? new Set()
  waiters.set(key, ofKey.add(waiter))
  const end = () => {
    if (!ofKey.delete(waiter)) return
    clearTimeout(timer)
    if (ofKey.size === 0 && waiters.get(key) === ofKey) waiters.delete(key)
    if (waiters.size === 0) stopListening()
    goOn()
  }
  return end
}

/** A session was stored: whoever waits for one goes on. */
export function arrived(cache: SessionCache, key: string): void {
  if (waiters.size > 0) wake(key, cache)
}

function lead(cache: SessionCache, key: string, lease: number): Lead {
  const startedAt = monotonicNow()
  let isOver = false
  let timer = setTimeout(() => end(false), MAX_WAIT_MS).unref()
  leaders.set(key, cache)
  const end = (fruitful: boolean) => {
    if (isOver) return
    isOver = true
    clearTimeout(timer)
    leaders.delete(key)
    const areOthersWaiting = releaseLease(cache, key, lease, fruitful)
    wake(key, cache)
    if (areOthersWaiting) tellThreads(key)
  }
  return {
    onSecure(later) {
      if (isOver) return
      clearTimeout(timer)
      const grace = later ? monotonicNow() - startedAt + GRACE_MS : 0
      // Whatever arrived while the thread was busy is read first.
      timer = setTimeout(() => setImmediate(end, false), Math.min(grace, MAX_WAIT_MS)).unref()
    },
    end,
  }
}

function wake(key: string, cache?: SessionCache): void {
  for (const waiter of [...(waiters.get(key) ?? [])]) {
    if (cache === undefined || waiter.cache === cache) waiter.goOn()
  }
}

function listen(): void {
  channel = new BroadcastChannel(CHANNEL)
  channel.unref()
  channel.onmessage = ({ data }: { data: unknown }) => {
    if (typeof data === 'string') wake(data)
  }
}

function stopListening(): void {
  channel?.close()
  channel = undefined
}

function tellThreads(key: string): void {
  const own = new BroadcastChannel(CHANNEL)
  own.postMessage(key)
  own.close()
}
