import { types } from 'node:util'
import { dropSessions } from '../cache/internal.js'
import { breakerOf, offerBreaker } from '../cache/offer-breaker.js'
import type { SessionCache } from '../cache/session-cache.js'
import { onPurge, type PurgeGeneration } from '../key/purge-generation.js'
import type { PeerIdentity } from '../key/session-key.js'
import { native } from '../native/addon.js'
import type { CertificateChain } from '../session/certificate-chain.js'
import { ChainValidity } from '../session/chain-validity.js'
import { decodeVerification, type Verification } from '../session/verified-session.js'
import { LruMap } from '../util/lru-map.js'
import { isSharedMemory } from '../util/shared-memory.js'
import { monotonicNow, SECOND } from '../util/time.js'

const MAX_PEERS = 1000
/** A peer that sends many tickets displaces only its own. */
const MAX_SESSIONS_PER_PEER = 16
const MAX_CHAINS_PER_PEER = 8

/** What this thread knows of a session that one of its sockets emitted. */
export interface EmittedSession {
  readonly peer: PeerState
  /** What it relies on; undefined where it has none. */
  readonly verification: Verification | undefined
}

/** What this thread remembers about the peer of one session key. What all threads share is in native memory. */
export class PeerState {
  readonly key: string
  readonly endpoint: string
  readonly generation: PurgeGeneration
  /** False where the session of a leader could not be offered either, so that waiting for another one is pointless. */
  isWorthFollowing = true
  /** False where the last leaders got no session, so that no connection leads for a while. */
  hasLeaders = true
  readonly #fingerprints: number[] = []
  readonly #acceptedChains = new Set<string>()
  #lastAccepted: CertificateChain | undefined
  #storedIn: WeakRef<SessionCache> | undefined
  #storedAt: number = Number.NEGATIVE_INFINITY
  /** For how long the verification of its chain holds. */
  readonly validity: ChainValidity = new ChainValidity()
  /** The TLS 1.2 ticket that a connection offered or got last. */
  lastTicket: Buffer | undefined
  /** The chain of the last full handshake of which a session was emitted. */
  lastChain: CertificateChain | undefined
  #lastRecord: Buffer | undefined
  #lastVerification: Verification | undefined

  constructor({ key, endpoint, generation }: PeerIdentity) {
    this.key = key
    this.endpoint = endpoint
    this.generation = generation
  }

  /** Remembers that a socket of this peer emitted the session with this fingerprint, so that it is known when a library passes it back. */
  recordEmitted(fingerprint: number, verification: Verification | undefined): void {
    if (!emitted.has(fingerprint) && this.#fingerprints.push(fingerprint) > MAX_SESSIONS_PER_PEER) {
      emitted.delete(this.#fingerprints.shift() as number)
    }
    emitted.set(fingerprint, { peer: this, verification })
  }

  /** Remembers that sessions of this peer were stored in the cache, so that a purge can wipe them. */
  recordStored(cache: SessionCache): void {
    if (this.#storedIn?.deref() !== cache) this.#storedIn = new WeakRef(cache)
    this.#storedAt = monotonicNow()
  }

  /** True if a session of this peer was stored in this cache within the last second. */
  hasStoredLately(cache: SessionCache): boolean {
    return monotonicNow() - this.#storedAt < SECOND && this.#storedIn?.deref() === cache
  }

  /** Remembers that an application has received data from a peer with this chain: it does not reject the chain. */
  recordAccepted(chain: CertificateChain): void {
    if (chain === this.#lastAccepted) return
    this.#lastAccepted = chain
    if (this.#acceptedChains.size === MAX_CHAINS_PER_PEER) this.#acceptedChains.clear()
    this.#acceptedChains.add(chain.digest.toString('latin1'))
  }

  hasAccepted(chain: CertificateChain): boolean {
    return this.#acceptedChains.has(chain.digest.toString('latin1'))
  }

  /** Decodes a record. The sessions of a peer often have equal ones. */
  decodeVerification(record: Buffer): Verification | undefined {
    if (this.#lastRecord?.equals(record)) return this.#lastVerification
    this.#lastVerification = decodeVerification(record)
    this.#lastRecord = Buffer.from(record)
    return this.#lastVerification
  }

  /** Forgets the sessions that sockets of this peer emitted. */
  forget(): void {
    for (const fingerprint of this.#fingerprints) emitted.delete(fingerprint)
  }

  /** Wipes the stored sessions. Returns the cache that had them. Emitted ones stay known: a library that passes one back must not revive it. */
  wipe(): SessionCache | undefined {
    const cache = this.#storedIn?.deref()
    if (cache) dropSessions(cache, this.key)
    this.#storedIn = undefined
    return cache
  }
}

/** The sessions that sockets of this thread emitted, by fingerprint. */
const emitted = new Map<number, EmittedSession>()
const peers = new LruMap<string, PeerState>(MAX_PEERS, evicted => evicted.forget())

/** Returns the state of the peer with this session key. */
export function peerState(identity: PeerIdentity): PeerState {
  let peer = peers.get(identity.key)
  if (peer === undefined) {
    peer = new PeerState(identity)
    peers.set(identity.key, peer)
  }
  return peer
}

/** Returns what is known of a session that a caller passes; undefined where no socket of this thread emitted it. */
export function findEmitted(session: unknown): EmittedSession | undefined {
  if (emitted.size === 0 || !types.isUint8Array(session)) return undefined
  // Another thread could change shared memory while it is read.
  return emitted.get(fingerprintOf(isSharedMemory(session) ? Buffer.from(session) : session))
}

function fingerprintOf(session: Uint8Array): number {
  return native.sessionFingerprint(session)
}

onPurge(() => {
  for (const [, peer] of peers.entries()) {
    if (!peer.generation.isOver) continue
    const cache = peer.wipe()
    if (cache) breakerOf(cache).forget(peer.endpoint)
    else offerBreaker.forget(peer.endpoint)
  }
})

/** How long the last full handshakes took until their session came, in milliseconds, by endpoint. */
const sessionTimes = new LruMap<string, number>(MAX_PEERS)

/** Records how long a full handshake took until its session came: `Infinity` where followers waited for nothing. */
export function recordSessionTime(endpoint: string, milliseconds: number): void {
  sessionTimes.set(endpoint, milliseconds)
}

export function sessionTime(endpoint: string): number | undefined {
  return sessionTimes.get(endpoint)
}
