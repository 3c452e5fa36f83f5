import type tls from 'node:tls'
import { clientCache } from '../cache/default-caches.js'
import { hasSession } from '../cache/internal.js'
import type { SessionCache } from '../cache/session-cache.js'
import { withDefaults } from '../key/options.js'
import { invalidArgType, outOfRange } from '../util/errors.js'
import { clearTimeout, SECOND, setTimeout } from '../util/time.js'
import { checkInteger, checkOptionBag } from '../util/validate.js'
import { type ConnectOptions, connect, isOptions } from './connect.js'
import { placeOfSessions } from './plan.js'

/** The options of {@link warm}. */
export interface WarmOptions {
  /**
   * How many connections are open at once, 1 to 1,000.
   * @defaultValue 8
   */
  concurrency?: number | undefined
  /**
   * How long one connection may take until its session is stored, in milliseconds, 1 to 600,000.
   * @defaultValue 10_000
   */
  timeout?: number | undefined
  /** Where sessions are stored. By default, the cache that all threads of the process share. */
  sessionCache?: SessionCache | undefined
}

/** What became of one peer. */
export interface Warmed {
  /** The peer, as it was given. */
  readonly peer: string | tls.ConnectionOptions
  /** True if the cache has a session for connections with these options. */
  readonly stored: boolean
  /**
   * `stored`; `present` if there was a session already; `no-session` if the peer ended the connection without one;
   * `timeout`. `uncacheable` if connections with these options do not resume. Else the code of the connection's error.
   */
  readonly reason: string
}

const OPTIONS: readonly string[] = ['concurrency', 'timeout', 'sessionCache'] satisfies (keyof WarmOptions)[]

/**
 * Connects to each peer, stores its session, and closes the connection: before traffic comes, so that its first
 * connections resume. It connects to TLS directly, and sends no data.
 *
 * A peer is `host:port`, or the options of `tls.connect`. A session serves only connections with the same options, so pass
 * those that the program will use. With a peer that has a session already it does nothing.
 *
 * @returns what became of each peer, in their order. It never rejects because of a peer.
 * @throws `ERR_INVALID_ARG_TYPE`, `ERR_OUT_OF_RANGE` or `ERR_TLS_RESUMPTION_UNKNOWN_OPTION` for a wrong argument.
 *
 * @example
 * ```ts
 * import { warm } from 'tls-resumption'
 *
 * const results = await warm(['localhost:1'], { timeout: 1000 })
 * results[0]?.stored // false: nothing listens there
 * ```
 */
export function warm(
  peers: readonly (string | tls.ConnectionOptions)[],
  options: WarmOptions = {},
): Promise<Warmed[]> {
  if (!Array.isArray(peers)) throw invalidArgType('"peers" argument', 'an array', peers)
  checkOptionBag('options', options, OPTIONS)
  const { concurrency = 8, timeout = 10 * SECOND, sessionCache } = options
  checkInteger('concurrency', concurrency, 1, 1000)
  checkInteger('timeout', timeout, 1, 600 * SECOND)
  const cache = clientCache(sessionCache)
  if (cache === null) throw invalidArgType('"sessionCache" option', 'a SessionCache', sessionCache)
  const targets = peers.map((peer, index) => ({ ...readPeer(peer, index), sessionCache: cache }))
  return warmAll(peers, targets, { cache, concurrency, timeout })
}

/** An IPv6 address has brackets. */
const HOST_AND_PORT = /^(?:\[([0-9a-f:.%\w]+)\]|([^:[\]\s/]+)):(\d{1,5})$/i

function readPeer(peer: unknown, index: number): ConnectOptions {
  if (isOptions(peer)) return peer
  if (typeof peer !== 'string')
    throw invalidArgType(`"peers[${index}]" argument`, "'host:port' or options", peer)
  const [, bracketed, plain, port] = HOST_AND_PORT.exec(peer) ?? []
  const host = bracketed ?? plain
  if (host === undefined || Number(port) > 65_535) {
    throw outOfRange(`"peers[${index}]" argument`, "'host:port' or options", `'${peer}'`)
  }
  return { host, port: Number(port) }
}

interface WarmSettings {
  readonly cache: SessionCache
  readonly concurrency: number
  readonly timeout: number
}

async function warmAll(
  peers: readonly (string | tls.ConnectionOptions)[],
  targets: readonly ConnectOptions[],
  { cache, concurrency, timeout }: WarmSettings,
): Promise<Warmed[]> {
  const warmed: Warmed[] = []
  const left = targets.entries()
  const work = async () => {
    for (const [index, target] of left) {
      const reason = await warmOne(target, cache, timeout)
      const peer = peers[index] as string | tls.ConnectionOptions
      warmed[index] = { peer, stored: reason === 'stored' || reason === 'present', reason }
    }
  }
  await Promise.all(Array.from({ length: concurrency }, work))
  return warmed
}

/** Resolves with the reason of {@link Warmed} when the connection is closed. */
function warmOne(target: ConnectOptions, cache: SessionCache, timeout: number): Promise<string> {
  return new Promise(resolve => {
    let reason = 'no-session'
    let timer: NodeJS.Timeout | undefined
    try {
      const full = withDefaults(target)
      const place = placeOfSessions(cache, full, full.cachePartition)
      if (place === undefined) return resolve('uncacheable')
      const isStored = () => hasSession(place.cache, place.key)
      if (isStored()) return resolve('present')
      const socket = connect(full)
      const end = (because: string) => {
        reason = because
        // Ended, not destroyed: an application that destroys a connection may have rejected its peer.
        socket.end()
      }
      timer = setTimeout(() => {
        if (reason !== 'stored') end('timeout')
        // Do not wait for a peer that does not close.
        socket.destroy()
      }, timeout)
      const endIfStored = () => {
        if (isStored()) end('stored')
      }
      socket.on('session', endIfStored).on('secureConnect', endIfStored)
      socket.on('error', error => {
        if (reason !== 'stored') reason = (error as NodeJS.ErrnoException).code ?? error.message
      })
      socket.on('close', () => {
        clearTimeout(timer)
        resolve(reason)
      })
      socket.resume()
    } catch (error) {
      clearTimeout(timer)
      resolve((error as NodeJS.ErrnoException).code ?? (error as Error).message)
    }
  })
}
