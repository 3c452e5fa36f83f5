/** The types of `tls-resumption/compat`. */
import type tls from 'node:tls'
import { expectTypeOf } from 'expect-type'
import cacheSessions, { type CompatOptions } from 'tls-resumption/compat'

expectTypeOf<Parameters<typeof cacheSessions>>().toEqualTypeOf<
  [server: tls.Server, options?: CompatOptions | undefined]
>()
expectTypeOf(cacheSessions).returns.toBeVoid()
expectTypeOf<CompatOptions>().toEqualTypeOf<{ maxCachedSessions?: number | string | undefined }>()
// @ts-expect-error It is a number or its text.
expectTypeOf(cacheSessions).toBeCallableWith({} as tls.Server, { maxCachedSessions: true })
