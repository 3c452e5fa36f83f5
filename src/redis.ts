/**
 * A second tier in Redis or Valkey.
 *
 * @packageDocumentation
 * @module tls-resumption/redis
 */
export type { Latency, RequestOutcome, TierMessage } from './fleet/bounded-requests.js'
export type { IoredisClient, NodeRedisClient, RedisClient } from './fleet/redis/client.js'
export { RedisTier, type RedisTierOptions, type RedisTierStats } from './fleet/redis/redis-tier.js'
export type { SealingKey } from './fleet/sealing.js'
export type { SecondTier } from './fleet/second-tier.js'
