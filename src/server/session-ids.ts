import tls from 'node:tls'
import { serverCache } from '../cache/default-caches.js'
import { borrowSession, storeSession } from '../cache/internal.js'
import type { SessionCache } from '../cache/session-cache.js'
import { countServerEvent, type ServerReason } from '../diagnostics/server-events.js'
import {
  checkTier,
  type Found,
  type LookUpOutcome,
  type SecondTier,
  type TierPart,
} from '../fleet/second-tier.js'
import {
  captureHandshake,
  currentServername,
  noteFound,
  servernameOfNewSession,
} from '../node/server-handshakes.js'
import { readSessionInfo, TLS_1_3 } from '../session/session-info.js'
import { invalidArgType } from '../util/errors.js'
import * as log from '../util/log.js'
import { wallClock } from '../util/time.js'
import { checkBoolean, checkOptionBag } from '../util/validate.js'
import { serverInUse } from './errors.js'
import { type BoundUse, bindServer } from './server-binding.js'
import { trustScopeOf } from './server-identity.js'
import { certificateEnd, learnBinding, rebind, servernameIn, withServername } from './session-der.js'

/** The options of {@link resumeSessions}. */
export interface ResumeSessionsOptions {
  /**
   * Where sessions are kept. The default is one cache for all servers of the process. With null the server is left as
   * it is.
   */
  sessionCache?: SessionCache | null | undefined
  /**
   * Declares that all contexts of the server, also those by name (`addContext()`, `SNICallback`), verify clients alike.
   * A session of one then proves as much under another. Only a server with contexts by name and `requestCert` needs
   * it; without it such a server resumes nothing.
   * @defaultValue false
   */
  uniformClientTrust?: boolean | undefined
  /**
   * Where sessions are looked up that are not in `sessionCache`, and stored for other processes: a `RedisTier` of
   * `tls-resumption/redis`. The handshake waits for the look-up, as long as the tier's `timeout` at most. IDs of TLS 1.3
   * clients stand for nothing (RFC 8446 appendix D.4), and are looked up too, unless the server has TLS 1.3 only.
   */
  tier?: SecondTier | undefined
}

const OPTIONS: readonly string[] = [
  'sessionCache',
  'uniformClientTrust',
  'tier',
] satisfies (keyof ResumeSessionsOptions)[]

/**
 * Lets a `tls.Server`, `https.Server` or `http2.createSecureServer()` resume TLS 1.2 sessions by ID (RFC 5246 section
 * 7.3), from a cache that the servers of other threads may share.
 *
 * Sessions are bound to the identity of the server: the names in its certificate or an explicit `sessionIdContext`, and,
 * with `requestCert`, the client CAs, CRLs and `rejectUnauthorized`. Servers resume each other's sessions if they have
 * equal identities and caches of one name.
 *
 * A server that asks for client certificates and has contexts by name stores no sessions. A session does not say under
 * which name its client was verified. Nor does a server with a `pskCallback`.
 *
 * TLS 1.3 has no session IDs. Its tickets stay Node's, and so do those of TLS 1.2.
 *
 * @returns what ends it.
 * @throws `ERR_INVALID_ARG_TYPE` for anything but a server, `ERR_TLS_RESUMPTION_SERVER_IN_USE` for a server that has a
 * listener for its session events.
 *
 * @example
 * ```ts
 * import tls from 'node:tls'
 * import { resumeSessions } from 'tls-resumption'
 *
 * const server = tls.createServer({ maxVersion: 'TLSv1.2' })
 * const resumption = resumeSessions(server)
 * resumption[Symbol.dispose]()
 * ```
 */
export function resumeSessions(server: tls.Server, options: ResumeSessionsOptions = {}): Disposable {
  if (!(server instanceof tls.Server)) {
    throw invalidArgType('"server" argument', 'an instance of tls.Server', server)
  }
  checkOptionBag('options', options, OPTIONS)
  const { uniformClientTrust = false } = options
  checkBoolean('uniformClientTrust', uniformClientTrust)
  const tier = checkTier(options.tier)
  const cache = serverCache(options.sessionCache)
  if (cache === null) return { [Symbol.dispose]() {} }
  for (const event of ['newSession', 'resumeSession']) {
    if (server.listenerCount(event) > 0) throw serverInUse(event)
  }
  return new SessionIdResponder(server, cache, tier, uniformClientTrust)
}

/** How long a look-up waits for the revocation generation, after the server has started, in milliseconds. */
const MAX_WATCH_WAIT_MS = 50

type AnswerResume = (error: Error | null, session: Buffer | null) => void

/**
 * Answers the session events of one server. The handshake waits for each answer, so each event is answered exactly once:
 * at once, except while the second tier is asked.
 */
class SessionIdResponder implements Disposable {
  readonly #server: tls.Server
  readonly #cache: SessionCache
  readonly #tier: TierPart | undefined
  readonly #binding: BoundUse
  #isDisposed = false
  #hasWarned = false

  constructor(
    server: tls.Server,
    cache: SessionCache,
    tier: TierPart | undefined,
    uniformClientTrust: boolean,
  ) {
    this.#server = server
    this.#cache = cache
    this.#tier = tier
    this.#binding = bindServer(server, 'ids', {
      name: cache.name,
      keyScope: cache.path === undefined ? undefined : trustScopeOf,
      uniformClientTrust,
      tier,
    })
    server.on('newSession', this.#onNewSession)
    server.on('resumeSession', this.#onResumeSession)
  }

  [Symbol.dispose](): void {
    this.#isDisposed = true
    this.#server.off('newSession', this.#onNewSession)
    this.#server.off('resumeSession', this.#onResumeSession)
    this.#binding.release()
  }

  readonly #onNewSession = (id: Buffer, session: Buffer, done: () => void): void => {
    try {
      // @guard client-trust-ambiguity › session-ids › ids: a server with requestCert and contexts by name stores
      //   no sessions
      //   ⇒ if true
      if (this.#binding.mayResume()) this.#store(this.#binding.keyOf(id), session)
    } catch {
      // The session is not stored, so that the client's next handshake is a full one.
    }
    done()
  }

  readonly #onResumeSession = (id: Buffer, answer: AnswerResume): void => {
    // The other listener answers, and a second answer would destroy the connection.
    if (this.#hasOtherListener()) return
    let isAnswered = false
    const answerOnce = (session: Buffer | null): void => {
      isAnswered = true
      answer(null, session)
    }
    let key: Buffer | undefined
    try {
      // @guard client-trust-ambiguity › server-identity › binding: sessions from before contexts by name are not
      //   resumed with requestCert
      //   ⇒ if true
      if (this.#binding.mayResume()) {
        const borrowed = this.#binding.keyOf(id)
        borrowSession(this.#cache, 'get', borrowed, session => {
          if (this.#isUsable(session)) answerOnce(session)
        })
        if (!isAnswered && this.#tier !== undefined && hasIds(this.#server)) key = Buffer.from(borrowed)
        else this.#count(isAnswered ? 'session-id-hit' : 'session-id-miss')
      }
    } catch (error) {
      if (isAnswered) throw error // Thrown by Node.js from within its callback.
    }
    if (key === undefined) {
      if (!isAnswered) answerOnce(null)
    } else {
      this.#askTier(key, answerOnce)
    }
  }

  /** Asks the second tier. What changed since then counts: the server may have been released, or trust other clients. */
  #askTier(key: Buffer, answerOnce: (session: Buffer | null) => void): void {
    let isAnswered = false
    const answer = (session: Buffer | null): void => {
      isAnswered = true
      answerOnce(session)
    }
    const servername = currentServername()
    const continueHandshake = captureHandshake()
    const onFound: Found = (outcome, session, ttl = 0) => {
      this.#count(REASONS[outcome])
      continueHandshake()
      try {
        // @guard client-trust-ambiguity › redis-faults › look-up: a release or a change of client trust during it counts
        //   ⇒ `!this.#isDisposed && this.#binding.mayResume()` becomes `!this.#isDisposed`
        const isGood = session !== undefined && !this.#isDisposed && this.#binding.mayResume()
        if (isGood) this.#keep(key, session, ttl)
        answer(isGood && this.#isUsable(session, servername) ? session : null)
      } catch {
        // Node.js threw, as the connection has ended; or the cache did, and then there is no answer yet.
        if (!isAnswered) answer(null)
      }
    }
    const { watch } = this.#binding
    const lookUp = () => {
      try {
        // Before a revocation is known, the store may have sessions from before it.
        if (watch?.isKnown) this.#tier?.lookUp(key, onFound)
        else onFound('unavailable')
      } catch {
        if (!isAnswered) answer(null)
      }
    }
    if (watch?.isKnown) lookUp()
    else watch?.whenKnown(MAX_WATCH_WAIT_MS, lookUp)
  }

  /**
   * True if the session may be resumed under this server name (RFC 6066 section 3: only under its own). It is then bound
   * to the default context of this process.
   */
  #isUsable(session: Buffer, servername = currentServername()): boolean {
    if (servername !== undefined && servername !== servernameIn(session)) return false
    if (this.#binding.hasDefaultContext) rebind(session, this.#binding.context)
    noteFound('session-id')
    return true
  }

  /** Stores a new session, under the server name that it was made for. */
  #store(key: Uint8Array, session: Buffer): void {
    const lifetime = lifetimeOf(session)
    if (lifetime <= 0) return
    learnBinding(session, this.#binding.context)
    const named = withServername(session, servernameOfNewSession() ?? '')
    storeSession(this.#cache, 'set', key, named ?? session, { ttl: lifetime, reusable: true })
    this.#tier?.store(key, named ?? session, lifetime)
    named?.fill(0)
  }

  /** Keeps a session of the second tier in the cache, for as long as it is good there. */
  #keep(key: Uint8Array, session: Buffer, ttl: number): void {
    const lifetime = Math.min(ttl, lifetimeOf(session))
    if (lifetime > 0) storeSession(this.#cache, 'set', key, session, { ttl: lifetime, reusable: true })
  }

  /** True if the application has added a listener of its own since. */
  #hasOtherListener(): boolean {
    if (this.#server.listenerCount('resumeSession') < 2) return false
    if (!this.#hasWarned) {
      this.#hasWarned = true
      log.warn(
        'SERVER_IN_USE',
        "A TLS server got another listener for 'resumeSession', which now answers instead of resumeSessions()",
      )
    }
    return true
  }

  #count(reason: ServerReason): void {
    countServerEvent(reason, { name: this.#cache.name })
  }
}

/**
 * Returns for how many milliseconds a session may be resumed. OpenSSL accepts it for a while. A full handshake would refuse
 * a client whose certificate has expired, so the certificate of a verified client is another bound. Returns 0 for anything
 * but TLS 1.2, as TLS 1.3 tickets hold the whole session.
 */
function lifetimeOf(session: Buffer): number {
  const facts = readSessionInfo(session)
  if (facts === undefined || facts.version >= TLS_1_3) return 0
  if (facts.leafEnd === facts.leafStart || !facts.verified) return facts.lifetime
  const left = Math.floor(certificateEnd(session, facts.leafStart) - wallClock())
  return Number.isNaN(left) ? 0 : Math.min(facts.lifetime, left)
}

/** True if the server speaks a version that has session IDs. */
function hasIds(server: tls.Server): boolean {
  return (server as { minVersion?: string }).minVersion !== 'TLSv1.3'
}

/** The reasons that count the outcomes of a look-up in the second tier. */
const REASONS: Record<LookUpOutcome, ServerReason> = {
  hit: 'session-id-hit-tier',
  miss: 'session-id-miss',
  unreadable: 'tier-failed',
  timeout: 'tier-timeout',
  error: 'tier-failed',
  unavailable: 'tier-failed',
}
