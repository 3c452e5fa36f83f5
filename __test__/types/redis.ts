/** The types of `tls-resumption/redis`. */
import type { KeyObject } from 'node:crypto'
import { expectTypeOf } from 'expect-type'
import { type ResumeSessionsOptions, TicketKeys } from 'tls-resumption'
import {
  type IoredisClient,
  type Latency,
  type NodeRedisClient,
  type RedisClient,
  RedisTier,
  type RedisTierOptions,
  type RedisTierStats,
  type RequestOutcome,
  type SealingKey,
  type SecondTier,
  type TierMessage,
} from 'tls-resumption/redis'

expectTypeOf(RedisTier).constructorParameters.toEqualTypeOf<[options: RedisTierOptions]>()
expectTypeOf<RedisTier>().toExtend<SecondTier>()
expectTypeOf<ResumeSessionsOptions['tier']>().toEqualTypeOf<SecondTier | undefined>()
expectTypeOf(TicketKeys).toBeConstructibleWith({ tier: {} as RedisTier })
expectTypeOf<RedisTier['setKeys']>().toEqualTypeOf<(keys: readonly SealingKey[]) => void>()
expectTypeOf<RedisTier['get']>().returns.resolves.toEqualTypeOf<Buffer | undefined>()
expectTypeOf<RedisTier['take']>().toEqualTypeOf<RedisTier['get']>()
expectTypeOf<RedisTier['set']>().returns.resolves.toEqualTypeOf<boolean>()
expectTypeOf<RedisTier['stats']>().returns.toEqualTypeOf<RedisTierStats>()
expectTypeOf<RedisTierStats['latency']>().toEqualTypeOf<Latency>()
expectTypeOf<Latency>().toEqualTypeOf<{ mean: number; p50: number; p99: number; max: number }>()
expectTypeOf<RedisTierOptions['client']>().toEqualTypeOf<RedisClient>()
expectTypeOf<RedisClient>().toEqualTypeOf<IoredisClient | NodeRedisClient>()
expectTypeOf<SealingKey>().toEqualTypeOf<Uint8Array | KeyObject>()
// @ts-expect-error Without keys nothing could be sealed.
expectTypeOf(RedisTier).toBeConstructibleWith({ client: {} as RedisClient })
expectTypeOf<TierMessage['outcome']>().toEqualTypeOf<RequestOutcome>()
expectTypeOf<TierMessage['operation']>().toEqualTypeOf<'look-up' | 'store' | 'delete'>()
expectTypeOf<TierMessage['duration']>().toEqualTypeOf<number | undefined>()
expectTypeOf<RequestOutcome>().toEqualTypeOf<'answered' | 'timeout' | 'error' | 'unavailable'>()
