import https from 'node:https'
import type { Duplex } from 'node:stream'
import type tls from 'node:tls'
import { connectWith, type ResumptionOptions } from './connect.js'
import { clientCache } from './default-caches.js'
import type { SessionCache } from './session-cache.js'
import { checkString } from './validate.js'

/** The options of {@link HttpsAgent}. */
export interface HttpsAgentOptions extends https.AgentOptions, ResumptionOptions {}

/**
 * `https.Agent` whose connections resume, and whose sessions outlive the agent: they are in
 * `sessionCache`, which all threads can share.
 *
 * An agent that is told to use a proxy (`proxyEnv`) leaves resumption to `https.Agent`.
 *
 * @example
 * ```ts
 * import https from 'node:https'
 * import { HttpsAgent } from 'tls-resumption'
 *
 * const agent = new HttpsAgent({ keepAlive: true })
 * https.get('https://service.example/', { agent })
 * ```
 */
export class HttpsAgent extends https.Agent {
  readonly #sessionCache: SessionCache | null | undefined
  readonly #cachePartition: string | undefined

  /**
   * @throws `ERR_INVALID_ARG_TYPE` or `ERR_OUT_OF_RANGE` for `sessionCache` and `cachePartition`.
   */
  constructor({ sessionCache, cachePartition, ...options }: HttpsAgentOptions = {}) {
    clientCache(sessionCache)
    checkString('cachePartition', cachePartition, 256)
    const isOn = sessionCache !== null && !usesProxy(options)
    // Node's own cache hands one ticket to any number of connections, under a key that says less.
    super(isOn ? { ...options, maxCachedSessions: 0 } : options)
    this.#sessionCache = isOn ? sessionCache : null
    this.#cachePartition = cachePartition
  }

  /**
   * Called by Node with the options of the request and the agent. `sessionCache` and `cachePartition`
   * of a request go before those of the agent, unless that has opted out.
   */
  override createConnection(
    options: https.RequestOptions & ResumptionOptions,
    callback?: (error: Error | null, stream: Duplex) => void,
  ): Duplex | null | undefined {
    const { sessionCache = this.#sessionCache, cachePartition = this.#cachePartition, ...rest } = options
    return connectWith(
      {
        ...(rest as tls.ConnectionOptions),
        sessionCache: this.#sessionCache === null ? null : sessionCache,
        cachePartition,
      },
      completed => super.createConnection(completed as https.RequestOptions, callback) as tls.TLSSocket,
    )
  }
}

function usesProxy(options: https.AgentOptions): boolean {
  return (options as { proxyEnv?: unknown }).proxyEnv !== undefined
}
