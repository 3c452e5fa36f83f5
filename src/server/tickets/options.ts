import { checkPath } from '../../cache/shared-file.js'
import { checkTier, type SecondTier, type TierPart } from '../../fleet/second-tier.js'
import { invalidArgType } from '../../util/errors.js'
import * as log from '../../util/log.js'
import { HOUR, SECOND, SEVEN_DAYS } from '../../util/time.js'
import { checkInteger, checkOptionBag, checkString } from '../../util/validate.js'
import { keysAreGiven } from '../errors.js'
import { checkKeySource, type KeySource } from './key-source.js'

/** Options of {@link TicketKeys}. Times are milliseconds. */
export interface TicketKeysOptions {
  /**
   * Rings of one name share one memory, in all threads of the process. It is wiped when the last of them is disposed of.
   * A ring without a name is private to its object. 1 to 256 characters.
   */
  name?: string | undefined
  /**
   * The path of a file on tmpfs, as `/run/myapp/tls-keys`. All processes of the user that open it have the same keys, in all
   * of their threads, and the keys stay when the processes end. Any of them rotates. Linux only. It does not go with a
   * `name`, a `source` or a `tier`.
   *
   * The first process decides `rotateEvery`, and the longest `keep` holds: a process with other values warns. Any process
   * of the user can read the keys.
   */
  path?: string | undefined
  /**
   * How long a key is the active one before a new random key replaces it, 1 to 604,800,000 (seven days). 0: until
   * {@link TicketKeys.rotate} or {@link TicketKeys.insert}.
   * @defaultValue 3_600_000 (an hour)
   */
  rotateEvery?: number | undefined
  /**
   * How many keys there are at most, the active one included, 1 to 64. A key is wiped `keep` times `rotateEvery` after it
   * became active, or when as many newer ones exist.
   *
   * The default covers the two hours for which Node.js lets tickets live, and one interval more. It is 64 at most, so an
   * interval below 115 seconds covers less: 64 times `rotateEvery`.
   * @defaultValue `Math.min(64, Math.ceil(7_200_000 / rotateEvery) + 1)`; 3 without an interval, 64 with a `source`
   */
  keep?: number | undefined
  /**
   * Where the keys come from, if the ring does not make its own. Nothing else rotates them then, and a key that the
   * source no longer has is wiped. Until a function has answered for the first time there are no tickets.
   */
  source?: KeySource | undefined
  /**
   * How often the source is read or called again, 100 to 604,800,000.
   * @defaultValue 10_000
   */
  refreshEvery?: number | undefined
  /**
   * Shares the ring with those of the same name in other processes and on other hosts: a `RedisTier` of
   * `tls-resumption/redis`. One host makes each new key, and all can decrypt with it before any encrypts with it. Without
   * the store each host continues with the keys that it has; the active one then encrypts for up to `keep` times as long.
   *
   * It takes a `name`, a `rotateEvery` of a second or more (or 0), and no `source`. In a `cluster` every process has it.
   * Hosts whose `rotateEvery` or `keep` differ warn, and keep keys for the longer time.
   */
  tier?: SecondTier | undefined
}

const OPTIONS: readonly string[] = [
  'name',
  'path',
  'rotateEvery',
  'keep',
  'source',
  'refreshEvery',
  'tier',
] satisfies (keyof TicketKeysOptions)[]

/** The options of a ring, checked, with their defaults. */
export interface RingSettings {
  readonly name: string | undefined
  readonly path: string | undefined
  /** Milliseconds; 0: never. */
  readonly rotateEvery: number
  readonly keep: number
  readonly source: KeySource | undefined
  /** Milliseconds. */
  readonly refreshEvery: number
  readonly tier: TierPart | undefined
}

/** OpenSSL's default, and so that of a server without `sessionTimeout`. */
const TICKET_LIFETIME_MS = 2 * HOUR
/** The most keys of a ring. */
export const MAX_KEEP = 64
const REFRESH_INTERVAL_MS = 10_000
/** The shortest interval with a tier: other hosts have to read a key in a part of it. */
const MIN_SHARED_INTERVAL_MS = 1000

/**
 * Returns the settings of a ring. Warns of an interval that was probably meant in seconds.
 *
 * @throws what the constructor of {@link TicketKeys} throws for invalid options.
 */
export function checkRingOptions(options: TicketKeysOptions): RingSettings {
  checkOptionBag('options', options, OPTIONS)
  const { name, source, refreshEvery = REFRESH_INTERVAL_MS } = options
  const { rotateEvery = source ? 0 : HOUR } = options
  checkString('name', name, 256)
  checkInteger('rotateEvery', rotateEvery, 0, source ? 0 : SEVEN_DAYS)
  checkInteger('keep', options.keep, 1, MAX_KEEP)
  checkKeySource(source)
  checkInteger('refreshEvery', refreshEvery, 100, SEVEN_DAYS)
  const tier = checkTier(options.tier)
  if (tier && source) throw keysAreGiven()
  if (tier && rotateEvery > 0) checkInteger('rotateEvery', rotateEvery, MIN_SHARED_INTERVAL_MS, SEVEN_DAYS)
  if (tier && name === undefined)
    throw invalidArgType('"name" option', 'a string, where there is a tier', name)
  const path = options.path === undefined ? undefined : checkPath(options.path)
  if (path !== undefined) checkGoesWithPath({ name, source, tier })
  if (rotateEvery > 0 && rotateEvery < SECOND) {
    log.warnOnce(
      'UNUSUAL_VALUE',
      `A "rotateEvery" of ${rotateEvery} ms makes a new ticket key that often: is it in milliseconds?`,
    )
  }
  const keep = options.keep ?? (source ? MAX_KEEP : defaultKeep(rotateEvery))
  return { name, path, rotateEvery, keep, source, refreshEvery, tier }
}

/** Throws for an option that says in another way where the keys come from. */
function checkGoesWithPath(others: { name: unknown; source: unknown; tier: unknown }): void {
  for (const [option, value] of Object.entries(others)) {
    if (value !== undefined) throw invalidArgType(`"${option}" option`, 'undefined with a "path"', value)
  }
}

function defaultKeep(rotateEvery: number): number {
  if (rotateEvery === 0) return 3
  return Math.min(MAX_KEEP, Math.ceil(TICKET_LIFETIME_MS / rotateEvery) + 1)
}
