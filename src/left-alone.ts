import tls from 'node:tls'
import type { ClientReason } from './diagnostics.js'
import { noticePurges, onPurge } from './purge.js'
import type { SessionCache } from './session-cache.js'

/** After so many connections in a row that were of no use, a peer is left alone: what we do costs, and brings nothing. */
const ENOUGH = 20
/** Then one connection in so many milliseconds is seen to as ever, and shows whether the peer has changed. */
const PAUSE_MS = 1000
/** After so many milliseconds without a connection of no use it is met as if for the first time. */
const LASTS_MS = 10_000
const MAX_PEERS = 1000
/** They are looked at one by one. */
const MAX_PER_HOST = 16

/** There is no session to be had of the peer, or it refuses them all. */
export type WhyAlone = Extract<ClientReason, 'no-session' | 'backed-off'>

/** What a key would be made from: a connection of no use says nothing of those with another key. */
export interface Terms {
  readonly cache: SessionCache
  readonly options: tls.ConnectionOptions
  /** The `contextTag` of the options. */
  readonly context: string
  readonly cachePartition: string | undefined
}

interface Peer extends Omit<Terms, 'cache' | 'options'> {
  readonly cache: WeakRef<SessionCache>
  /** Of the options, what else is in a key. */
  readonly options: tls.ConnectionOptions
  inARow: number
  why: WhyAlone
  /** When a connection was seen to last, and when one was of no use, as `Date.now()` has it. */
  seenTo: number
  judged: number
}

/** By host. */
const peers = new Map<unknown, Peer[]>()
let count = 0
onPurge(forget)

function forget(): void {
  peers.clear()
  count = 0
}

function find(terms: Terms): Peer | undefined {
  const there = count === 0 ? undefined : peers.get(terms.options.host)
  return there?.find(peer => isOf(peer, terms))
}

function isOf(peer: Peer, { cache, options, context, cachePartition }: Terms): boolean {
  const own = peer.options
  return (
    own.port === options.port &&
    own.path === options.path &&
    own.servername === options.servername &&
    own.rejectUnauthorized === options.rejectUnauthorized &&
    own.minDHSize === options.minDHSize &&
    peer.context === context &&
    peer.cachePartition === cachePartition &&
    peer.cache.deref() === cache
  )
}

/** Whether a connection is none that could resume, goes over another one, or has a check that may be new each time. */
function isAnother({
  socket,
  pskCallback,
  requestOCSP,
  checkServerIdentity,
}: tls.ConnectionOptions): boolean {
  const check = checkServerIdentity ?? tls.checkServerIdentity
  return Boolean(socket || pskCallback || requestOCSP) || check !== tls.checkServerIdentity
}

/** A connection that was seen to has resumed, or left a session that the next one may offer. */
export function wasOfUse(terms: Terms): void {
  const peer = find(terms)
  if (peer !== undefined) peer.inARow = 0
}

/** One has ended, and there is no session that the next one may offer. */
export function wasOfNoUse(terms: Terms, why: WhyAlone): void {
  if (isAnother(terms.options)) return
  const peer = find(terms) ?? remember(terms)
  peer.inARow++
  peer.why = why
  peer.judged = Date.now()
}

/** One has ended and shown nothing, as one that failed: the next is seen to in its place. */
export function showedNothing(terms: Terms): void {
  const peer = find(terms)
  if (peer !== undefined) peer.seenTo = 0
}

function remember({ cache, options, context, cachePartition }: Terms): Peer {
  if (count >= MAX_PEERS) forget()
  count++
  // Not all of the options: they hold secrets.
  const { host, port, path, servername, rejectUnauthorized, minDHSize } = options
  const peer: Peer = {
    cache: new WeakRef(cache),
    options: { port, path, servername, rejectUnauthorized, minDHSize },
    context,
    cachePartition,
    inARow: 0,
    why: 'no-session',
    seenTo: 0,
    judged: 0,
  }
  const there = peers.get(host)
  if (there === undefined) peers.set(host, [peer])
  else if (there.push(peer) > MAX_PER_HOST) {
    there.shift()
    count--
  }
  return peer
}

/** Why a connection that begins now is to be left to Node; undefined where it is to be seen to. */
export function whyLeftAlone(terms: Terms): WhyAlone | undefined {
  const peer = find(terms)
  if (peer === undefined || peer.inARow < ENOUGH || isAnother(terms.options)) return undefined
  noticePurges()
  // The monotonic clock takes longer to read; one that is set has connections seen to.
  const now = Date.now()
  if (Math.abs(now - peer.judged) >= LASTS_MS) peer.inARow = 0
  else if (count > 0 && Math.abs(now - peer.seenTo) < PAUSE_MS) return peer.why
  peer.seenTo = now
  return undefined
}
