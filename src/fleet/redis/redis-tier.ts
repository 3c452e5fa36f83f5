import { invalidArgType, outOfRange } from '../../util/errors.js'
import { SEVEN_DAYS, wallClock } from '../../util/time.js'
import { checkInteger, checkOptionBag, checkString } from '../../util/validate.js'
import { type Ask, backgroundRequests, type Latency, StoreRequests } from '../bounded-requests.js'
import { type RecordLocation, type SealingKey, SealingKeys } from '../sealing.js'
import { type Found, type LookUpOutcome, makeTier, type SecondTier } from '../second-tier.js'
import { type Commands, commandsOf, type RedisClient } from './client.js'
import { raiseGeneration } from './generation-store.js'
import { RedisRing } from './ring-store.js'

/** Options of {@link RedisTier}. Times are milliseconds. */
export interface RedisTierOptions {
  /**
   * Your client, of the npm package `ioredis` or `redis`, connected to one Redis (6.2 or newer) or Valkey, or to a
   * cluster. Connecting, its listener for errors, and closing it remain yours. Give it a connection of its own:
   * commands wait behind those that were sent before them.
   */
  client: RedisClient
  /**
   * What everything is sealed with: keys of 32 random bytes, the same on all hosts. The first one seals, all of them
   * open. See {@link RedisTier.setKeys} for how to change them.
   */
  keys: readonly SealingKey[]
  /**
   * What the names of all that is stored begin with, up to 256 characters. Not `{}`, in which a Redis Cluster finds no
   * hash tag, so that what belongs together would lie apart.
   * @defaultValue 'tls-resumption:'
   */
  prefix?: string | undefined
  /**
   * How long a look-up may take before it is a miss, 1 to 10,000. A handshake waits for it.
   * @defaultValue 50
   */
  timeout?: number | undefined
  /**
   * How long the store keeps a session at most, up to seven days. Its own lifetime caps it further.
   * @defaultValue 3_600_000 (an hour)
   */
  ttl?: number | undefined
}

/** What a {@link RedisTier} has done, and how the store does. */
export interface RedisTierStats {
  /** Look-ups; those below add up to them. */
  lookups: number
  /** Look-ups that shared the request of another for the same session. */
  coalesced: number
  hits: number
  misses: number
  /** What was found could not be opened: damaged, moved, or sealed with a key that is not listed. */
  unreadable: number
  /** Look-ups that took too long. */
  timeouts: number
  /** Look-ups that the store or the client answered with an error. */
  errors: number
  /** Look-ups for which the store was not asked: not connected, or left alone after failures in a row. */
  unavailable: number
  /** Sessions given to the store. */
  stores: number
  /** Sessions that did not get there, or not for certain. */
  failedStores: number
  /** `open`: left alone after failures in a row; `half-open`: about to be tried again. */
  breaker: 'closed' | 'open' | 'half-open'
  /** How long requests took that were answered in time, in milliseconds. */
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
/** Bytes of the time until which a session is good, in front of it. */
const UNTIL_LENGTH = 8
/** Sessions of one OpenSSL are not read by another. */
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
 * A second tier in Redis or Valkey, for servers of many processes and hosts: behind the `SessionCache` of
 * `resumeSessions`, and home of a `TicketKeys` ring.
 *
 * Everything is sealed before it leaves the process (AES-256-GCM, bound to its location), and names tell no session id.
 * Nobody waits for longer than `timeout`: a store that is slow, full, empty, gone or lying is a miss, and so a full
 * handshake. After failures in a row it is left alone for a while.
 *
 * Belongs to the thread that made it, as its client does.
 *
 * @throws `ERR_INVALID_ARG_TYPE`, `ERR_OUT_OF_RANGE` and `ERR_TLS_RESUMPTION_UNKNOWN_OPTION` for options that are
 * wrong, `ERR_TLS_RESUMPTION_SEALING_KEY` for a key that is not random or listed twice.
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
   * Replaces the list of keys: the first one seals from now on, all of them open. To change the key of a fleet, list
   * the new one second on every host, then first on every host, and drop the old one when nothing that it sealed is
   * of use: after `ttl`, and after the next rotation of the rings.
   *
   * @throws as the constructor does; the keys then stay as they are.
   */
  setKeys(keys: readonly SealingKey[]): void {
    this.#keys = new SealingKeys(keys)
  }

  /** The session under the key; undefined where there is none, or the store does not answer in time. */
  async get(key: string | Uint8Array): Promise<Buffer | undefined> {
    const location = locationOf(key)
    return new Promise(resolve => this.#lookUp(location, (_outcome, session) => resolve(copy(session))))
  }

  /**
   * The session under the key, which is removed: of all who ask, on whatever host, one gets it. Undefined as for
   * {@link RedisTier.get}; where the answer was late, the session may be gone.
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
   * Stores a session in place of what there is under the key. Tells whether the store has it for certain.
   *
   * @throws (rejects with) `ERR_INVALID_ARG_TYPE` and `ERR_OUT_OF_RANGE` for a key, 1 to 4096 bytes, a blob or a
   * `ttl`, in milliseconds, that is wrong; so do the other methods for a key.
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

  /** Removes what is under the key. Tells whether it is gone for certain, if it was there at all. */
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

  /** What this object has done so far, and how the store does. */
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

  /** Asks under the names of all keys at once, which is one name except while keys are being changed. */
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
    if (reply === null || reply === undefined) return { outcome: 'miss' }
    const opened = Buffer.isBuffer(reply) ? this.#keys.open(location, reply) : undefined
    if (opened === undefined || opened.length <= UNTIL_LENGTH) return { outcome: 'unreadable' }
    // A store that keeps what it was to forget, or has it put back, is not believed.
    const ttl = opened.readDoubleBE(0) - wallClock()
    // @guard expired-in-second-tier › redis-tier › a session that the store was to forget, and gives all the
    //   same, is not believed
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

/** Apart from those of servers, which begin with a version. */
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
  if (blob.length === 0) throw outOfRange('length of the "blob" argument', '1 byte or more', blob.length)
}

function copy(session: Buffer | undefined): Buffer | undefined {
  if (session === undefined) return undefined
  const own = Buffer.allocUnsafeSlow(session.length)
  session.copy(own)
  return own
}
