import { invalidArgType, outOfRange } from '../../util/errors.js'
import { SEVEN_DAYS, wallClock } from '../../util/time.js'
import { checkInteger, checkOptionBag, checkString } from '../../util/validate.js'
import { type Ask, backgroundRequests, type Latency, StoreRequests } from '../bounded-requests.js'
import { type RecordLocation, type SealingKey, SealingKeys } from '../sealing.js'
import { type Found, type LookUpOutcome, makeTier, type SecondTier } from '../second-tier.js'
import { type Commands, commandsOf, MAX_BLOB_LENGTH, type RedisClient } from './client.js'
import { raiseGeneration } from './generation-store.js'
import { RedisRing } from './ring-store.js'

/** Options of {@link RedisTier}. Times are milliseconds. */
export interface RedisTierOptions {
  /**
   * The application's client, of the npm package `ioredis` or `redis`, for one Redis (6.2 or newer) or Valkey, or for a
   * cluster. The application connects it, listens to its errors and closes it. Give the tier a connection of its own,
   * since commands wait behind earlier ones.
   */
  client: RedisClient
  /**
   * The sealing keys: 32 random bytes each, the same on all hosts. The first one seals sessions, all of them open. See
   * {@link RedisTier.setKeys} for how to change them.
   */
  keys: readonly SealingKey[]
  /**
   * The start of all names in the store, up to 256 characters. It must not contain `{}`: a Redis Cluster finds no hash
   * tag behind it, and would store a ring and its lock on different nodes.
   * @defaultValue 'tls-resumption:'
   */
  prefix?: string | undefined
  /**
   * How long a look-up may take before it counts as a miss, 1 to 10,000. A handshake waits for it.
   * @defaultValue 50
   */
  timeout?: number | undefined
  /**
   * How long the store keeps a session at most, up to seven days. Its own lifetime caps it further.
   * @defaultValue 3_600_000 (an hour)
   */
  ttl?: number | undefined
}

/** What a {@link RedisTier} has done, and how the store performs. */
export interface RedisTierStats {
  /** Look-ups. The outcomes below add up to this number. */
  lookups: number
  /** Look-ups that shared the request of another one for the same session. */
  coalesced: number
  /** Look-ups that returned a session. */
  hits: number
  /** Look-ups of a session that the store does not have. */
  misses: number
  /** Values that could not be opened: damaged, moved, or sealed with a key that is not listed. They are removed. */
  unreadable: number
  /** Look-ups that took too long. */
  timeouts: number
  /** Look-ups that the store or the client answered with an error. */
  errors: number
  /** Look-ups for which the store was not asked: not connected, or the circuit breaker is open. */
  unavailable: number
  /** Sessions sent to the store. */
  stores: number
  /** Sessions that the store did not confirm. */
  failedStores: number
  /** The circuit breaker. `open`: the store is not asked after several failures in a row; `half-open`: it is tried again. */
  breaker: 'closed' | 'open' | 'half-open'
  /** How long the requests took that were answered in time, in milliseconds. */
  latency: Latency
}

const OPTIONS: readonly string[] = [
  'client',
  'keys',
  'prefix',
  'timeout',
  'ttl',
] satisfies (keyof RedisTierOptions)[]
const MAX_KEY_BYTES = 4096
/** Bytes of the time until which a session is valid. It precedes the session. */
const UNTIL_LENGTH = 8
/** A session of one OpenSSL version is not read by another. */
const OPENSSL = (process.versions.openssl ?? '').split('.').slice(0, 2).join('.')

const COUNTS = {
  hit: 'hits',
  miss: 'misses',
  unreadable: 'unreadable',
  timeout: 'timeouts',
  error: 'errors',
  unavailable: 'unavailable',
} as const satisfies Record<LookUpOutcome, keyof RedisTierStats>

/**
 * A second tier in Redis or Valkey, for servers in many processes and on many hosts. It stores sessions behind the cache
 * of `resumeSessions`, and the record of a `TicketKeys` ring.
 *
 * All data is sealed before it leaves the process (AES-256-GCM, bound to its record location). Names reveal no session
 * ID. A handshake waits for `timeout` at most: a store that is slow, full, empty, gone or wrong is a miss, and leads to a
 * full handshake. After several failures in a row the store is not asked for a while.
 *
 * A tier belongs to the thread that created it, as its client does.
 *
 * @throws `ERR_INVALID_ARG_TYPE`, `ERR_OUT_OF_RANGE` and `ERR_TLS_RESUMPTION_UNKNOWN_OPTION` for invalid options,
 * `ERR_TLS_RESUMPTION_SEALING_KEY` for a key that is not random or is listed twice.
 *
 * @example
 * ```ts
 * import tls from 'node:tls'
 * import { Redis } from 'ioredis'
 * import { resumeSessions, TicketKeys } from 'tls-resumption'
 * import { RedisTier } from 'tls-resumption/redis'
 *
 * const client = new Redis('redis://store.example')
 * client.on('error', error => console.error(error.message))
 * const tier = new RedisTier({ client, keys: [Buffer.from(process.env.SEALING_KEY ?? '', 'base64')] })
 *
 * const server = tls.createServer()
 * resumeSessions(server, { tier })
 * new TicketKeys({ name: 'edge', tier }).attach(server)
 * ```
 */
export class RedisTier implements SecondTier {
  readonly #commands: Commands
  readonly #requests: StoreRequests
  readonly #prefix: string
  readonly #ttl: number
  readonly #waiting = new Map<string, Found[]>()
  #keys: SealingKeys
  #counts = {
    lookups: 0,
    coalesced: 0,
    hits: 0,
    misses: 0,
    unreadable: 0,
    timeouts: 0,
    errors: 0,
    unavailable: 0,
    stores: 0,
    failedStores: 0,
  }

  constructor(options: RedisTierOptions) {
    checkOptionBag('options', options, OPTIONS)
    const { client, keys, prefix = 'tls-resumption:', timeout = 50, ttl = 3_600_000 } = options
    checkString('prefix', prefix, 256)
    if (prefix.includes('{}'))
      throw outOfRange('"prefix" option', 'without an empty hash tag, {}', `'${prefix}'`)
    checkInteger('timeout', timeout, 1, 10_000)
    checkInteger('ttl', ttl, 1, SEVEN_DAYS)
    this.#commands = commandsOf(client)
    this.#keys = new SealingKeys(keys)
    this.#prefix = prefix
    this.#ttl = ttl
    this.#requests = new StoreRequests(this.#commands.isReady, timeout)
    const ask: Ask = backgroundRequests(this.#commands.isReady)
    makeTier(this, {
      lookUp: (key, done) => this.#lookUp(locationOfId(key), done),
      store: (key, session, ttl) => this.#store(locationOfId(key), session, ttl, () => {}),
      ring: name => new RedisRing(name, this.#commands, ask, this.#prefix, () => this.#keys),
      raiseGeneration: (identity, atLeast) =>
        raiseGeneration(this.#commands, ask, this.#prefix, this.#keys, identity, atLeast),
    })
  }

  /**
   * Replaces the list of keys: the first one seals from now on, all of them open. There are two ways to change the key
   * of a fleet:
   *
   * - Without losing sessions: list the new key second on every host, then first on every host. Drop the old one after
   *   `ttl`.
   * - At once, for a leaked key: `setKeys([next])` on every host. Sessions in the store are lost; rings are shared again
   *   within seconds. The old key opened the ring, so call `TicketKeys.rotate()` `keep` times afterwards.
   *
   * @throws as the constructor does. The keys then stay as they are.
   */
  setKeys(keys: readonly SealingKey[]): void {
    this.#keys = new SealingKeys(keys)
  }

  /** Returns the session under the key; undefined if there is none, or if the store does not answer in time. */
  async get(key: string | Uint8Array): Promise<Buffer | undefined> {
    const location = locationOf(key)
    return new Promise(resolve => this.#lookUp(location, (_outcome, session) => resolve(copy(session))))
  }

  /**
   * Removes the session under the key and returns it. Of several callers, also on different hosts, one gets it. Returns
   * undefined as {@link RedisTier.get} does; after a late answer the session may be gone.
   */
  async take(key: string | Uint8Array): Promise<Buffer | undefined> {
    const location = locationOf(key)
    this.#counts.lookups++
    return new Promise(resolve => {
      this.#ask(location, this.#commands.take, (outcome, session) => {
        this.#counts[COUNTS[outcome]]++
        resolve(copy(session))
        session?.fill(0)
      })
    })
  }

  /**
   * Stores a session under the key, in place of an earlier one. Returns whether the store confirmed it.
   *
   * @throws (rejects with) `ERR_INVALID_ARG_TYPE` and `ERR_OUT_OF_RANGE` for an invalid key (1 to 4096 bytes), blob (1 to
   * 262,144 bytes) or `ttl` (milliseconds). The other methods reject an invalid key likewise.
   */
  async set(
    key: string | Uint8Array,
    blob: Uint8Array,
    options: { ttl?: number | undefined } = {},
  ): Promise<boolean> {
    const location = locationOf(key)
    checkBlob(blob)
    checkOptionBag('options', options, ['ttl'])
    checkInteger('ttl', options.ttl, 1, Number.MAX_SAFE_INTEGER)
    return new Promise(resolve => this.#store(location, blob, options.ttl ?? this.#ttl, resolve))
  }

  /** Removes the session under the key. Returns whether the store confirmed it. */
  async delete(key: string | Uint8Array): Promise<boolean> {
    const location = locationOf(key)
    const gone = this.#namesOf(location).map(
      name =>
        new Promise<boolean>(resolve => {
          this.#requests.request(
            'delete',
            () => this.#commands.delete(name),
            outcome => resolve(outcome === 'answered'),
          )
        }),
    )
    return (await Promise.all(gone)).every(Boolean)
  }

  /** Returns what this object has done so far, and how the store performs. */
  stats(): RedisTierStats {
    return { ...this.#counts, breaker: this.#requests.breaker, latency: this.#requests.latency }
  }

  #namesOf(location: RecordLocation): string[] {
    return this.#keys.namesOf(location).map(name => `${this.#prefix}${name}`)
  }

  #lookUp(location: RecordLocation, done: Found): void {
    this.#counts.lookups++
    const counted: Found = (outcome, session, ttl) => {
      this.#counts[COUNTS[outcome]]++
      done(outcome, session, ttl)
    }
    const id = Buffer.from(location.key).toString('latin1')
    const waiting = this.#waiting.get(id)
    if (waiting !== undefined) {
      this.#counts.coalesced++
      waiting.push(counted)
      return
    }
    const all = [counted]
    this.#waiting.set(id, all)
    this.#ask(location, this.#commands.get, (outcome, session, ttl) => {
      this.#waiting.delete(id)
      try {
        for (const each of all) each(outcome, session, ttl)
      } finally {
        session?.fill(0)
      }
    })
  }

  /** Asks under the names of all keys at once: one name, except while keys are being changed. */
  #ask(location: RecordLocation, command: (name: string) => Promise<unknown>, done: Found): void {
    const names = this.#namesOf(location)
    let open = names.length
    let isDone = false
    let worst: LookUpOutcome = 'miss'
    for (const name of names) {
      this.#requests.request(
        'look-up',
        () => command(name),
        (outcome, reply) => {
          open--
          const found = outcome === 'answered' ? this.#read(location, reply) : { outcome }
          // Its name is derived from a listed key, so nothing else may be there: it would be read again and again.
          if (found.outcome === 'unreadable')
            this.#requests.request(
              'delete',
              () => this.#commands.delete(name),
              () => {},
            )
          if (isDone) {
            found.session?.fill(0)
          } else if (found.session !== undefined || open === 0) {
            isDone = true
            const said = found.outcome === 'miss' ? worst : found.outcome
            done(said, found.session, found.ttl)
          } else if (found.outcome !== 'miss') {
            worst = found.outcome
          }
        },
      )
    }
  }

  #read(
    location: RecordLocation,
    reply: unknown,
  ): { outcome: LookUpOutcome; session?: Buffer; ttl?: number } {
    if (!Buffer.isBuffer(reply)) return { outcome: 'error' }
    if (reply.length === 0) return { outcome: 'miss' }
    // A value that is too long came without its end.
    const opened = this.#keys.open(location, reply)
    if (opened === undefined || opened.length <= UNTIL_LENGTH) return { outcome: 'unreadable' }
    // The store may keep an expired value, or an operator may put one back.
    const ttl = opened.readDoubleBE(0) - wallClock()
    // @guard expired-in-second-tier › redis-tier › look-up: an expired session that the store still has is a miss
    //   ⇒ if true
    if (ttl >= 1) return { outcome: 'hit', session: opened.subarray(UNTIL_LENGTH), ttl: Math.floor(ttl) }
    opened.fill(0)
    return { outcome: 'miss' }
  }

  #store(
    location: RecordLocation,
    session: Uint8Array,
    wanted: number,
    done: (isStored: boolean) => void,
  ): void {
    if (session.length > MAX_BLOB_LENGTH) {
      done(false)
      return
    }
    const ttl = Math.floor(Math.min(wanted, this.#ttl))
    const secret = Buffer.allocUnsafeSlow(UNTIL_LENGTH + session.length)
    secret.writeDoubleBE(wallClock() + ttl)
    secret.set(session, UNTIL_LENGTH)
    const sealed = this.#keys.seal(location, secret)
    secret.fill(0)
    const [name = ''] = this.#namesOf(location)
    this.#counts.stores++
    this.#requests.request(
      'store',
      () => this.#commands.set(name, sealed, ttl),
      outcome => {
        if (outcome !== 'answered') this.#counts.failedStores++
        done(outcome === 'answered')
      },
    )
  }
}

function locationOfId(key: Uint8Array): RecordLocation {
  return { kind: 'session', key: Buffer.concat([Buffer.from(`${OPENSSL}\0`), key]) }
}

/** Returns the location of a caller's key. Those of servers begin with a version of OpenSSL. */
function locationOf(key: unknown): RecordLocation {
  const bytes = typeof key === 'string' ? Buffer.from(key) : key
  if (!(bytes instanceof Uint8Array)) throw invalidArgType('"key" argument', 'a string or a Uint8Array', key)
  if (bytes.length < 1 || bytes.length > MAX_KEY_BYTES) {
    throw outOfRange('length of the "key" argument', `from 1 to ${MAX_KEY_BYTES} bytes`, bytes.length)
  }
  return { kind: 'session', key: Buffer.concat([Buffer.from('\0'), bytes]) }
}

function checkBlob(blob: unknown): void {
  if (!(blob instanceof Uint8Array)) throw invalidArgType('"blob" argument', 'a Uint8Array', Object(blob))
  if (blob.length === 0 || blob.length > MAX_BLOB_LENGTH) {
    throw outOfRange('length of the "blob" argument', `from 1 to ${MAX_BLOB_LENGTH} bytes`, blob.length)
  }
}

function copy(session: Buffer | undefined): Buffer | undefined {
  if (session === undefined) return undefined
  const own = Buffer.allocUnsafeSlow(session.length)
  session.copy(own)
  return own
}
