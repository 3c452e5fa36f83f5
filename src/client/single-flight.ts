import { BroadcastChannel } from 'node:worker_threads'
import { acquireLease, hasSession, releaseLease } from '../cache/internal.js'
import type { SessionCache } from '../cache/session-cache.js'
import {
  clearInterval,
  clearTimeout,
  monotonicNow,
  setImmediate,
  setInterval,
  setTimeout,
} from '../util/time.js'
import type { ConnectTimes } from './attempt/connect-timer.js'

/** How long the lease of a leader lasts that is not heard of any more, in milliseconds. */
const LEASE_MS = 1000
/**
 * TLS 1.3 tickets come a round trip after the handshake. A leader keeps its lease for as long again as its handshake took,
 * and for this many milliseconds more, in case its thread is busy.
 */
const GRACE_MS = 200

/** The longest that a follower waits, in milliseconds. */
export const MAX_WAIT_MS = 250
/** A full handshake takes two to three round trips, and each computes this many milliseconds at most. */
const COMPUTE_MS = 100

/** How often a follower looks for a session of another process, which has no channel to this one. In milliseconds. */
const POLL_MS = 5

/** Announces to other threads under which key a leader has ended. */
const CHANNEL = 'tls-resumption:single-flight'

/** The right to do the full handshake for all connections of the process that begin under the key now. */
export interface Lead {
  /** The handshake is done. `later`: its sessions come after it, as in TLS 1.3. */
  onSecure(later: boolean): void
  /** Ends it: the followers look for a session and go on. `productive`: waiting made sense. */
  end(productive: boolean): void
}

interface Follower {
  cache: SessionCache
  proceed(): void
}

/** The keys that a connection of this thread leads: a follower of one of them need not ask the other threads. */
const leaders = new Map<string, SessionCache>()
const followers = new Map<string, Set<Follower>>()
/** Open while a connection in this thread follows one in another thread. */
let channel: BroadcastChannel | undefined

/**
 * Returns how long a connection may follow, in milliseconds; 0: it should not. To wait and then do a full handshake all
 * the same is the worst of both, so a leader that will probably take longer has no followers.
 *
 * @param times how long this connection took to reach the address; undefined over a stream of the caller.
 * @param sessionTime how long the last full handshake with this endpoint took until its session came, if that is known.
 */
export function waitBound(times: ConnectTimes | undefined, sessionTime: number | undefined): number {
  if (times === undefined) return sessionTime !== undefined && sessionTime <= MAX_WAIT_MS ? MAX_WAIT_MS : 0
  // A time that would forbid to wait may be that of a thread that computed, which says nothing about the leader.
  const connectTime = 3 * times.total <= MAX_WAIT_MS ? times.total : times.network
  const expected = sessionTime ?? 3 * connectTime
  const bound = Math.min(MAX_WAIT_MS, 3 * connectTime + COMPUTE_MS)
  return expected <= bound ? bound : 0
}

/**
 * For a connection that found no session. Returns a {@link Lead} where it leads, and `follow` where another one does and
 * it may follow. Otherwise it should go on by itself. `independent`: no connection leads, as the last leaders got no session.
 */
export function joinFlight(
  cache: SessionCache,
  key: string,
  mayFollow: boolean,
): Lead | 'follow' | 'independent' | undefined {
  if (leaders.get(key) === cache) return mayFollow ? 'follow' : undefined
  let lease = acquireLease(cache, key, LEASE_MS)
  if (lease === 0 && !mayFollow) return undefined
  if (lease === 0 && channel === undefined) {
    // The leader may have ended before this thread listened.
    listen()
    lease = acquireLease(cache, key, LEASE_MS)
    if (lease !== 0) stopListening()
  }
  if (lease === 0) return 'follow'
  return lease > 0 ? lead(cache, key, lease) : 'independent'
}

/**
 * Calls `proceed` once: with true when the leader has ended or a session has come, with false after `milliseconds`.
 * Returns a function that leaves the flight without a call.
 */
export function followFlight(
  cache: SessionCache,
  key: string,
  milliseconds: number,
  proceed: (landed: boolean) => void,
): () => void {
  const ofKey = followers.get(key) ?? new Set()
  const leave = () => {
    if (!ofKey.delete(follower)) return false
    clearTimeout(timer)
    clearInterval(poll)
    if (ofKey.size === 0 && followers.get(key) === ofKey) followers.delete(key)
    if (followers.size === 0) stopListening()
    return true
  }
  const follower: Follower = {
    cache,
    proceed: () => {
      if (leave()) proceed(true)
    },
  }
  const end = () => {
    if (leave()) proceed(false)
  }
  // What arrived while the thread was busy is read first: it may be the session.
  const timer = setTimeout(() => setImmediate(end), milliseconds)
  const look = () => {
    if (hasSession(cache, key)) follower.proceed()
  }
  const poll = cache.path === undefined ? undefined : setInterval(look, POLL_MS)
  followers.set(key, ofKey.add(follower))
  return leave
}

/** A session was stored under the key: its followers go on. */
export function landFlight(cache: SessionCache, key: string): void {
  if (followers.size > 0) wake(key, cache)
}

function lead(cache: SessionCache, key: string, lease: number): Lead {
  const startedAt = monotonicNow()
  let isOver = false
  let timer = setTimeout(() => end(false), LEASE_MS).unref()
  leaders.set(key, cache)
  const end = (productive: boolean) => {
    if (isOver) return
    isOver = true
    clearTimeout(timer)
    leaders.delete(key)
    const areOthersWaiting = releaseLease(cache, key, lease, productive)
    wake(key, cache)
    if (areOthersWaiting) wakeThreads(key)
  }
  return {
    onSecure(later) {
      if (isOver) return
      clearTimeout(timer)
      const grace = later ? monotonicNow() - startedAt + GRACE_MS : 0
      // What arrived while the thread was busy is read first.
      timer = setTimeout(() => setImmediate(end, false), Math.min(grace, LEASE_MS)).unref()
    },
    end,
  }
}

/**
 * Lets the followers of a key go on after the thread has read what has arrived. A handshake costs a thread that leads many
 * connections more time than to read a session that other threads wait for.
 */
function wake(key: string, cache?: SessionCache): void {
  const woken = [...(followers.get(key) ?? [])].filter(
    follower => cache === undefined || follower.cache === cache,
  )
  if (woken.length === 0) return
  setImmediate(() => {
    for (const follower of woken) follower.proceed()
  })
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

function wakeThreads(key: string): void {
  const own = new BroadcastChannel(CHANNEL)
  own.postMessage(key)
  own.close()
}
