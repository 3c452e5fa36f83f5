import tls from 'node:tls'
import { serverCache } from '../cache/default-caches.js'
import { borrowSession, storeSession } from '../cache/internal.js'
import type { SessionCache } from '../cache/session-cache.js'
import { type ServerReason, tellOfServer } from '../diagnostics/server-events.js'
import {
  checkTier,
  type Found,
  type LookUpOutcome,
  type SecondTier,
  type TierPart,
} from '../fleet/second-tier.js'
import { readSessionInfo, TLS_1_3 } from '../session/session-info.js'
import { invalidArgType } from '../util/errors.js'
import { checkBoolean, checkOptionBag } from '../util/validate.js'
import { serverInUse } from './errors.js'
import { keepServerContext } from './server-identity.js'

/** The options of {@link resumeSessions}. */
export interface ResumeSessionsOptions {
  /**
   * Where sessions are kept. Left out, one cache that all servers of the process use; null, none:
   * the server is left as it is.
   */
  sessionCache?: SessionCache | null | undefined
  /**
   * Says that all contexts of the server, those by name (`addContext()`, `SNICallback`) included, verify
   * clients alike, so that a session of one proves as much under another. It is asked for only where the
   * server has contexts by name and `requestCert`; without it such a server resumes nothing.
   * @defaultValue false
   */
  uniformClientTrust?: boolean | undefined
  /**
   * Where sessions are looked for that are not in `sessionCache`, and given to others: a `RedisTier` of
   * `tls-resumption/redis`. The handshake then waits for as long as the tier may take. A client that offers TLS 1.3
   * has to be looked for as well, since it sends an id that means nothing (RFC 8446 appendix D.4), unless the
   * server has TLS 1.3 alone.
   */
  tier?: SecondTier | undefined
}

const OPTIONS: readonly string[] = [
  'sessionCache',
  'uniformClientTrust',
  'tier',
] satisfies (keyof ResumeSessionsOptions)[]

/**
 * Lets a `tls.Server`, `https.Server` or `http2.createSecureServer()` resume TLS 1.2 sessions by id
 * (RFC 5246 section 7.3) out of a cache that other threads' servers may share.
 *
 * Sessions are bound to who the server is (the names in its certificates), what it trusts (client CAs,
 * CRLs, `requestCert`, `rejectUnauthorized`) and for how long (`sessionTimeout`), how strong it wants connections to
 * be, and a `sessionIdContext` of its own if it has one. Servers that agree in all of these and in the name of the
 * cache resume each other's sessions; the `sessionIdContext` that says so to OpenSSL is set here, again
 * after each `setSecureContext()`.
 *
 * A server that asks for client certificates and has contexts by server name keeps no sessions, because
 * a session does not say under which of them its client was verified; nor does one with a `pskCallback`.
 *
 * TLS 1.3 has no session ids. Its tickets do not pass through here: Node's keys for them keep working.
 *
 * @returns what undoes it.
 * @throws `ERR_INVALID_ARG_TYPE` for a server that is none, `ERR_TLS_RESUMPTION_SERVER_IN_USE` for one
 * whose session events somebody answers already.
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

  const context = keepServerContext(server, 'ids', { name: cache.name, uniformClientTrust })

  let isDisposed = false
  // The handshake waits for each of the two callbacks, so both answer once, whatever happens: at once, but for a
  // session that only the tier may have.
  const onNewSession = (id: Buffer, session: Buffer, done: () => void): void => {
    try {
      // @guard client-trust-ambiguity › session-ids › a server that asks for certificates under several names
      //   keeps no sessions
      //   ⇒ if true
      if (context.isUniform()) store(cache, tier, context.keyOf(id), session)
    } catch {
      // Not kept: the client's next handshake is a full one.
    }
    done()
  }
  const onResumeSession = (
    id: Buffer,
    answer: (error: Error | null, session: Buffer | null) => void,
  ): void => {
    let isAnswered = false
    const resume = (session: Buffer | null) => {
      isAnswered = true
      answer(null, session)
    }
    let key: Buffer | undefined
    try {
      // @guard client-trust-ambiguity › server-identity › sessions from before contexts by name and demands
      //   for certificates are not resumed after
      //   ⇒ if true
      if (context.isUniform()) {
        const borrowed = context.keyOf(id)
        borrowSession(cache, 'get', borrowed, resume)
        if (!isAnswered && tier !== undefined && hasIds(server)) key = Buffer.from(borrowed)
        else tellOfServer(isAnswered ? 'id-found' : 'id-not-found', { name: cache.name })
      }
    } catch (error) {
      if (isAnswered) throw error // Node's own, from within its callback
    }
    if (key === undefined || tier === undefined) {
      if (!isAnswered) resume(null)
      return
    }
    const keyOfId = key
    const onFound: Found = (outcome, session, ttl = 0) => {
      tellOfServer(reasonOfTier(outcome), { name: cache.name })
      try {
        // What has changed meanwhile counts.
        // @guard client-trust-ambiguity › redis-faults › what changes while the store is asked counts: a
        //   server that is let go, or that verifies clients unlike
        //   ⇒ `!isDisposed && context.isUniform()` becomes `!isDisposed`
        const isGood = session !== undefined && !isDisposed && context.isUniform()
        if (isGood) keep(cache, keyOfId, session, ttl)
        resume(isGood ? session : null)
      } catch {
        // Node's own, of a connection that has ended; or the cache's, and then there is no answer yet.
        if (!isAnswered) resume(null)
      }
    }
    try {
      tier.lookUp(key, onFound)
    } catch {
      if (!isAnswered) resume(null)
    }
  }

  server.on('newSession', onNewSession)
  server.on('resumeSession', onResumeSession)
  return {
    [Symbol.dispose]() {
      isDisposed = true
      server.off('newSession', onNewSession)
      server.off('resumeSession', onResumeSession)
      context.release()
    },
  }
}

/** What TLS 1.3 delivers here is never asked for again (its tickets hold the whole session). */
function store(cache: SessionCache, tier: TierPart | undefined, key: Uint8Array, session: Buffer): void {
  const lifetime = lifetimeOf(session)
  if (lifetime === 0) return
  storeSession(cache, 'set', key, session, { ttl: lifetime, reusable: true })
  tier?.store(key, session, lifetime)
}

/** Keeps what came from elsewhere, for as long as it is good there. */
function keep(cache: SessionCache, key: Uint8Array, session: Buffer, ttl: number): void {
  const lifetime = Math.min(ttl, lifetimeOf(session))
  if (lifetime > 0) storeSession(cache, 'set', key, session, { ttl: lifetime, reusable: true })
}

/** In milliseconds; 0 for what is no session of TLS 1.2. */
function lifetimeOf(session: Buffer): number {
  const facts = readSessionInfo(session)
  return facts === undefined || facts.version >= TLS_1_3 ? 0 : facts.lifetime
}

/** Whether the server speaks a version in which ids mean something. */
function hasIds(server: tls.Server): boolean {
  return (server as { minVersion?: string }).minVersion !== 'TLSv1.3'
}

/** Returns the reason that counts this outcome of a look-up in the second tier. */
function reasonOfTier(outcome: LookUpOutcome): ServerReason {
  if (outcome === 'hit') return 'id-found-in-tier'
  if (outcome === 'miss') return 'id-not-found'
  return outcome === 'timeout' ? 'tier-timeout' : 'tier-failed'
}
