import { randomBytes } from 'node:crypto'
import { sha256 } from '../../util/digest.js'
import type { Ask } from '../bounded-requests.js'
import { storeSilent } from '../errors.js'
import type { RecordLocation, SealingKeys } from '../sealing.js'
import type { RingReading, RingRecord } from '../second-tier.js'
import type { Commands } from './client.js'

/** For how long one process may change the ring before another one tries. */
const LOCK_TTL_MS = 5000
/** A sealed state of the largest ring is shorter. A longer value is not read. */
const MAX_VALUE_LENGTH = 8192

/**
 * A function for both scripts. A value that is too long, or of another type, is as if there was none: it never leaves the
 * store, and a write replaces it.
 */
const READ_VALUE = `
local function read(name)
  local value = redis.pcall('GET', name)
  if type(value) ~= 'string' or #value > ${MAX_VALUE_LENGTH} then return '' end
  return value
end`

const READ = `${READ_VALUE}
local reply = redis.call('TIME')
for _, name in ipairs(KEYS) do reply[#reply + 1] = read(name) end
return reply`

/**
 * KEYS: the lock, then the records. ARGV: the lock's token, the time to live, then for each record what was read and what
 * to write. The lock only keeps other hosts from the same work, and correctness does not rest on it. A process that held
 * it for too long changes nothing, as the record is no longer what it read.
 */
// @guard ring-replay › redis-ring › lock: a host that held it for too long changes nothing
//   ⇒ `~= ARGV[index * 2 - 1]` becomes `~= read(KEYS[index])`
const WRITE = `${READ_VALUE}
local written = 1
for index = 2, #KEYS do
  if read(KEYS[index]) ~= ARGV[index * 2 - 1] then written = 0 end
end
if written == 1 then
  for index = 2, #KEYS do
    if ARGV[2] == '0' then
      redis.call('SET', KEYS[index], ARGV[index * 2])
    else
      redis.call('SET', KEYS[index], ARGV[index * 2], 'PX', ARGV[2])
    end
  end
end
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return written`

/** A ring in Redis: for each sealing key a record, sealed with it, and a lock beside them, in one slot of a cluster. */
export class RedisRing implements RingRecord {
  readonly #commands: Commands
  readonly #ask: Ask
  readonly #keys: () => SealingKeys
  readonly #location: RecordLocation
  readonly #name: string
  readonly #lock: string
  readonly #token = randomBytes(12).toString('base64url')

  constructor(name: string, commands: Commands, ask: Ask, prefix: string, keys: () => SealingKeys) {
    this.#commands = commands
    this.#ask = ask
    this.#keys = keys
    this.#location = { kind: 'ring', key: Buffer.from(name) }
    this.#name = `${prefix}{ring-${sha256(name).slice(0, 22)}}`
    this.#lock = `${this.#name}:lock`
  }

  async read(): Promise<RingReading> {
    const keys = this.#keys()
    const [first = '', ...others] = keys.namesOf(this.#location).map(name => `${this.#name}:${name}`)
    const reply = await this.#ask(() => this.#commands.run(READ, [first, ...others], []))
    const [seconds, micros, ...stored] = Array.isArray(reply) ? reply : []
    const now = Number(String(seconds)) * 1000 + Math.floor(Number(String(micros)) / 1000)
    if (!Number.isSafeInteger(now) || !stored.every(value => Buffer.isBuffer(value))) throw storeSilent()
    // Each record is opened with the key that it is named by: whatever another key sealed is garbage there.
    const states = stored.flatMap(value => keys.open(this.#location, value) ?? [])
    return {
      now,
      states,
      isComplete: states.length === stored.length,
      write: (state, ttl) => this.#write(keys, [first, ...others], stored, state, ttl),
    }
  }

  async lock(): Promise<boolean> {
    const { setIfAbsent } = this.#commands
    return (await this.#ask(() => setIfAbsent(this.#lock, this.#token, LOCK_TTL_MS))) !== null
  }

  async #write(
    keys: SealingKeys,
    names: readonly string[],
    stored: readonly Buffer[],
    state: Uint8Array,
    ttl: number,
  ): Promise<boolean> {
    const sealed = keys.sealWithEach(this.#location, state)
    const records = stored.flatMap((value, index) => [value, sealed[index] ?? ''])
    const args = [this.#token, String(ttl), ...records]
    const reply = await this.#ask(() => this.#commands.run(WRITE, [this.#lock, ...names], args))
    return Number(reply) === 1
  }
}
