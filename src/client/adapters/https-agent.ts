import https from 'node:https'
import type { Duplex } from 'node:stream'
import type tls from 'node:tls'
import type { SessionCache } from '../../cache/session-cache.js'
import { inside } from '../../util/reentrancy.js'
import { connectWith } from '../connect.js'
import { checkResumptionOptions, type ResumptionOptions } from '../resumption-options.js'

/** The options of {@link HttpsAgent}. */
export interface HttpsAgentOptions extends https.AgentOptions, ResumptionOptions {}

/**
 * An `https.Agent` whose connections resume. Its sessions are stored in `sessionCache`, which all threads can share, so
 * they outlive the agent.
 *
 * An agent with a proxy (`proxyEnv`) leaves resumption to `https.Agent`.
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
  readonly #coalesce: boolean | undefined
  readonly #maxAge: number | undefined

  /** @throws `ERR_INVALID_ARG_TYPE` or `ERR_OUT_OF_RANGE` for a wrong option of this package. */
  constructor({ sessionCache, cachePartition, coalesce, maxAge, ...options }: HttpsAgentOptions = {}) {
    checkResumptionOptions({ sessionCache, cachePartition, coalesce, maxAge })
    // With maxCachedSessions: 0 an https.Agent does not resume, so neither does this one.
    const isOn = sessionCache !== null && options.maxCachedSessions !== 0 && !usesProxy(options)
    // Node's own cache offers one ticket on any number of connections, under a key with fewer inputs.
    super(isOn ? { ...options, maxCachedSessions: 0 } : options)
    this.#sessionCache = isOn ? sessionCache : null
    this.#cachePartition = cachePartition
    this.#coalesce = coalesce
    this.#maxAge = maxAge
  }

  /**
   * Called by Node.js with the options of the request and the agent. The options of this package in a request win over
   * those of the agent, unless the agent has opted out.
   */
  override createConnection(
    options: https.RequestOptions & ResumptionOptions,
    callback?: (error: Error | null, stream: Duplex) => void,
    ...others: unknown[]
  ): Duplex | null | undefined {
    // A call in one of the older forms gets what https.Agent does.
    if (typeof options !== 'object' || options === null || this.#sessionCache === null) {
      const args = [options, callback, ...others] as unknown as [https.RequestOptions]
      return inside(() => super.createConnection(...args))
    }
    const {
      sessionCache = this.#sessionCache,
      cachePartition = this.#cachePartition,
      coalesce = this.#coalesce,
      maxAge = this.#maxAge,
      ...rest
    } = options
    return connectWith(
      { ...(rest as tls.ConnectionOptions), sessionCache, cachePartition, coalesce, maxAge },
      completed => super.createConnection(completed as https.RequestOptions, callback) as tls.TLSSocket,
    )
  }

  /** Requests with a partition of their own share no kept-alive connection with others. */
  override getName(options?: https.RequestOptions & ResumptionOptions): string {
    const name = super.getName(options)
    const partition = options?.cachePartition
    // @guard endpoint › agent-pooling › requests with different partitions share no kept-alive connection
    //   ⇒ if true
    return partition === undefined ? name : `${name}:${JSON.stringify(partition)}`
  }
}

function usesProxy(options: https.AgentOptions): boolean {
  return (options as { proxyEnv?: unknown }).proxyEnv !== undefined
}
