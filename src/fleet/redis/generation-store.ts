import type { Ask } from '../bounded-requests.js'
import type { RecordLocation, SealingKeys } from '../sealing.js'
import type { Commands } from './client.js'

/**
 * Raises a number and returns it. Anything but a number of at most 15 digits counts as 0. A generation does not go back
 * by that, since each host that knows a higher one raises it again.
 */
const RAISE = `
local value = redis.pcall('GET', KEYS[1])
local now = type(value) == 'string' and #value <= 15 and tonumber(value) or 0
local wanted = tonumber(ARGV[1])
if wanted > now or (wanted > 0 and type(value) ~= 'string') then
  now = math.max(now, wanted)
  redis.call('SET', KEYS[1], string.format('%.0f', now))
end
return string.format('%.0f', now)`

/** Raises the revocation generation of an identity in the store. Its names say nothing about the identity. */
export async function raiseGeneration(
  commands: Commands,
  ask: Ask,
  prefix: string,
  keys: SealingKeys,
  identity: string,
  atLeast: number,
): Promise<number> {
  const location: RecordLocation = { kind: 'generation', key: Buffer.from(identity) }
  // Under each listed key, so that hosts which list the keys in another order read the same number.
  const raised = keys
    .namesOf(location)
    .map(name => ask(() => commands.run(RAISE, [`${prefix}${name}`], [String(atLeast)])))
  const numbers = (await Promise.all(raised)).map(reply => Number(String(reply)))
  const highest = Math.max(...numbers.filter(Number.isSafeInteger), 0)
  return numbers.every(number => number === highest) || highest <= atLeast
    ? highest
    : raiseGeneration(commands, ask, prefix, keys, identity, highest)
}
