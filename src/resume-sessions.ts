import tls from 'node:tls'
import { serverCache } from './default-caches.js'
import { invalidArgType, serverInUse } from './errors.js'
import { native } from './native.js'
import { keepServerContext } from './server-context.js'
import { lending, type SessionCache } from './session-cache.js'
import { checkBoolean, checkOptionBag } from './validate.js'

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
}

const OPTIONS: readonly string[] = [
  'sessionCache',
  'uniformClientTrust',
] satisfies (keyof ResumeSessionsOptions)[]
const TLS_1_3 = 0x0304

/**
 * Lets a `tls.Server`, `https.Server` or `http2.createSecureServer()` resume TLS 1.2 sessions by id
 * (RFC 5246 section 7.3) out of a cache that other threads' servers may share.
 *
 * Sessions are bound to who the server is (the names in its certificates), what it trusts (client CAs,
 * CRLs, `requestCert`, `rejectUnauthorized`), how strong it wants connections to be, and a
 * `sessionIdContext` of its own if it has one. Servers that agree in all of these and in the name of the
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
  const cache = serverCache(options.sessionCache)
  if (cache === null) return { [Symbol.dispose]() {} }
  for (const event of ['newSession', 'resumeSession']) {
    if (server.listenerCount(event) > 0) throw serverInUse(event)
  }

  const context = keepServerContext(server, 'ids', { name: cache.name, uniformClientTrust })

  // The handshake waits for each of the two callbacks, so both answer at once and once, whatever happens.
  const onNewSession = (id: Buffer, session: Buffer, done: () => void): void => {
    try {
      if (context.isUniform()) store(cache, context.keyOf(id), session)
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
    try {
      if (context.isUniform()) lending.lend(cache, 'get', context.keyOf(id), resume)
    } catch (error) {
      if (isAnswered) throw error // Node's own, from within its callback
    }
    if (!isAnswered) resume(null)
  }

  server.on('newSession', onNewSession)
  server.on('resumeSession', onResumeSession)
  return {
    [Symbol.dispose]() {
      server.off('newSession', onNewSession)
      server.off('resumeSession', onResumeSession)
      context.release()
    },
  }
}

/** What TLS 1.3 delivers here is never asked for again (its tickets hold the whole session). */
function store(cache: SessionCache, key: Uint8Array, session: Buffer): void {
  const facts = native.sessionFacts(session)
  if (facts === null || facts.version >= TLS_1_3 || facts.lifetime === 0) return
  lending.store(cache, 'set', key, session, { ttl: facts.lifetime, reusable: true })
}
