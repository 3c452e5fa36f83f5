/** The guards of what SECURITY.md says of servers, ticket keys and the second tier beside its tables. */
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { guard } from './guard.mjs'

/** Some are noticed by tests that need a store. */
const hasStore = ['redis-server', 'valkey-server'].some(name =>
  [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin'].some(directory =>
    existsSync(join(directory, name)),
  ),
)

/** @type {Record<string, import('./guard.mjs').Guard[]>} */
export const SERVER_GUARDS = {
  'sessionIdContext is set, and again after setSecureContext': [
    guard(
      'server/server-identity.ts',
      'native.setSessionIdContext(context)',
      '',
      'session-ids › two processes with different arguments give their servers the same sessionIdContext',
    ),
    guard(
      'server/server-identity.ts',
      'if (!keeper.isReleased) keeper.#renew()',
      '',
      'tickets › *: the ring is there after setSecureContext',
    ),
  ],
  'a server that may not verify its clients alike': [
    guard(
      'server/session-ids.ts',
      'if (context.isUniform()) store(',
      'store(',
      'session-ids › a server that asks for certificates under several names keeps no sessions',
    ),
    guard(
      'server/session-ids.ts',
      'if (context.isUniform()) {\n',
      '{\n',
      'server-identity › sessions from before contexts by name and demands for certificates are not resumed after',
    ),
    guard(
      'server/session-ids.ts',
      '!isDisposed && context.isUniform()',
      '!isDisposed',
      'redis-faults › what changes while the store is asked counts: a server that is let go, or that verifies clients unlike',
      hasStore,
    ),
    guard(
      'server/tickets/ticket-keys.ts',
      'if (isUniform()) return true\n',
      'return true\n',
      'tickets › *: a server that asks for certificates under several names hands out no tickets',
    ),
  ],
  'no ticket without a key': [
    guard(
      'server/tickets/ticket-keys.ts',
      'if (this.#feed?.hasKeys === false || ',
      'if (',
      'server-precedents › no ticket is sealed before the first keys have come',
    ),
  ],
  'a blob of the second tier opens in its place alone': [
    guard('fleet/sealing.ts', '), key])', ')])', 'sealing › it opens nowhere else, and as nothing else'),
    guard(
      'fleet/sealing.ts',
      "if (key.every(byte => byte === key[0])) throw sealingKeyRefused('it is not random')",
      '',
      'sealing › as keys, *',
    ),
  ],
  'a session that the store was to forget': [
    guard(
      'fleet/redis/redis-tier.ts',
      'if (ttl >= 1) return',
      'if (ttl === ttl) return',
      'redis-tier › a session that the store was to forget, and gives all the same, is not believed',
      hasStore,
    ),
  ],
  'a ring is not put back': [
    guard(
      'server/tickets/ring-state.ts',
      'live.generation >= own.generation && !isBack',
      'true',
      'ring-state › an earlier state, from a backup or from somebody who replays it, is overwritten',
    ),
    guard(
      'fleet/redis/ring-store.ts',
      "if (redis.call('GET', KEYS[1]) or '') == ARGV[1] then",
      'if true then',
      'redis-ring › who held the lock for too long changes nothing any more',
      hasStore,
    ),
  ],
}
