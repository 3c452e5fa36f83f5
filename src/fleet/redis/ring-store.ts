import { randomBytes } from 'node:crypto'
import { sha256 } from '../../util/digest.js'
import { clearTimeout, setTimeout } from '../../util/time.js'
import { attempt } from '../bounded-requests.js'
import { storeSilent, storeUnavailable } from '../errors.js'
import type { Place, SealingKeys } from '../sealing.js'
import type { RingHome, RingReading } from '../second-tier.js'
import type { Commands } from './client.js'

/** Longer than for a look-up: no handshake waits. */
const TIMEOUT = 2000
/** What is abandoned here still waits in the client. */
const MAX_PENDING = 4
/** For how long one process alone may change the ring; then another one tries. */
const LOCK_TTL = 5000

const READ = `
local time = redis.call('TIME')
return { redis.call('GET', KEYS[1]), time[1], time[2] }`

/**
 * The lock keeps others from doing the same; that a change is right does not rest on it: it is made only in place of
 * what it was made from, so whoever held the lock for too long changes nothing any more.
 */
// @guard ring-replay › redis-ring › who held the lock for too long changes nothing any more
//   ⇒ `if (redis.call('GET', KEYS[1]) or '') == ARGV[1] then` becomes `if true then`
const WRITE = `
local written = 0
if (redis.call('GET', KEYS[1]) or '') == ARGV[1] then
  if ARGV[3] == '0' then
    redis.call('SET', KEYS[1], ARGV[2])
  else
    redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
  end
  written = 1
end
if redis.call('GET', KEYS[2]) == ARGV[4] then redis.call('DEL', KEYS[2]) end
return written`

/** Where a ring lives in Redis: one value, sealed, and a lock beside it, in one slot of a cluster. */
export class RedisRing implements RingHome {
  readonly #commands: Commands
  readonly #keys: () => SealingKeys
  readonly #place: Place
  readonly #name: string
  readonly #lock: string
  readonly #token = randomBytes(12).toString('base64url')
  #pending = 0

  constructor(name: string, commands: Commands, prefix: string, keys: () => SealingKeys) {
    this.#commands = commands
    this.#keys = keys
    this.#place = { kind: 'ring', key: Buffer.from(name) }
    // The same for all keys, so that there is one ring while those are being changed.
    this.#name = `${prefix}{ring-${sha256(name).slice(0, 22)}}`
    this.#lock = `${this.#name}:lock`
  }

  async read(): Promise<RingReading> {
    const reply = await this.#ask(() => this.#commands.run(READ, [this.#name], []))
    const [stored, seconds, micros] = Array.isArray(reply) ? reply : []
    const now = Number(String(seconds)) * 1000 + Math.floor(Number(String(micros)) / 1000)
    if (!Number.isSafeInteger(now) || (stored !== null && !Buffer.isBuffer(stored))) throw storeSilent()
    const state = stored === null ? undefined : this.#keys().open(this.#place, stored)
    return { now, stored, state, isForeign: stored !== null && this.#keys().isForeign(stored) }
  }

  async lock(): Promise<boolean> {
    const reply = await this.#ask(() => this.#commands.setIfAbsent(this.#lock, this.#token, LOCK_TTL))
    return reply !== null
  }

  async write(state: Uint8Array, stored: Buffer | null, ttl: number): Promise<boolean> {
    const sealed = this.#keys().seal(this.#place, state)
    const args = [stored ?? '', sealed, String(ttl), this.#token]
    return Number(await this.#ask(() => this.#commands.run(WRITE, [this.#name, this.#lock], args))) === 1
  }

  #ask(send: () => Promise<unknown>): Promise<unknown> {
    if (this.#pending >= MAX_PENDING || !this.#commands.isReady()) return Promise.reject(storeUnavailable())
    this.#pending++
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(storeSilent()), TIMEOUT).unref()
      attempt(send)
        .finally(() => {
          this.#pending--
          clearTimeout(timer)
        })
        .then(resolve, reject)
    })
  }
}
