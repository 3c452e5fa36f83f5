/** The types of `tls-resumption`. They are compiled in this repository, and against the packed package as a consumer would. */
import type http2 from 'node:http2'
import type https from 'node:https'
import type net from 'node:net'
import type tls from 'node:tls'
import { expectTypeOf } from 'expect-type'
import {
  type AttachOptions,
  type ClientMessage,
  type ClientReason,
  type ClientStats,
  type CodedError,
  type ConnectOptions,
  clientStats,
  connect,
  type ErrorCode,
  type GivenKeys,
  type Http2CreateConnection,
  HttpsAgent,
  type HttpsAgentOptions,
  http2CreateConnection,
  type InstallOptions,
  install,
  type KeySource,
  type PurgeOptions,
  purge,
  type ResumeSessionsOptions,
  type ResumptionOptions,
  type RolloutOptions,
  resumeSessions,
  revokeSessions,
  type ServerMessage,
  type ServerReason,
  type ServerStats,
  SessionCache,
  type SessionCacheFile,
  type SessionCacheMemory,
  type SessionCacheOptions,
  type SessionCacheStats,
  type SessionKeyOptions,
  type StoreOptions,
  serverStats,
  sessionKey,
  TicketKeys,
  type TicketKeysOptions,
  type TicketKeysStats,
  uninstall,
  type Warmed,
  type WarmOptions,
  warm,
} from 'tls-resumption'

type Key = string | Uint8Array
type CacheOption = SessionCache | null | undefined

// The cache
expectTypeOf(SessionCache).toBeConstructibleWith()
expectTypeOf(SessionCache).constructorParameters.toEqualTypeOf<[options?: SessionCacheOptions | undefined]>()
expectTypeOf<SessionCache>().toExtend<Disposable>()
expectTypeOf<SessionCache['set']>().toEqualTypeOf<
  (key: Key, blob: Uint8Array, options?: StoreOptions) => SessionCache
>()
expectTypeOf<SessionCache['add']>().toEqualTypeOf<SessionCache['set']>()
for (const name of ['get', 'offer', 'take'] as const) {
  expectTypeOf<SessionCache[typeof name]>().toEqualTypeOf<(key: Key) => Buffer | undefined>()
}
expectTypeOf<SessionCache['has']>().toEqualTypeOf<(key: Key) => boolean>()
expectTypeOf<SessionCache['delete']>().toEqualTypeOf<(key: Key) => number>()
expectTypeOf<SessionCache['clear']>().toEqualTypeOf<() => void>()
expectTypeOf<SessionCache['sweep']>().toEqualTypeOf<() => number>()
expectTypeOf<SessionCache['stats']>().returns.toEqualTypeOf<SessionCacheStats>()
expectTypeOf<Pick<SessionCache, 'size' | 'bytes'>>().toEqualTypeOf<
  Readonly<{ size: number; bytes: number }>
>()
expectTypeOf<SessionCacheOptions>().toEqualTypeOf<{
  name?: string | undefined
  path?: string | undefined
  serves?: 'clients' | 'servers' | undefined
  maxSession?: number | undefined
  max?: number | undefined
  maxSize?: number | undefined
  ttl?: number | undefined
  sweepInterval?: number | undefined
  ticketsPerPeer?: number | undefined
  singleUse?: boolean | undefined
}>()
expectTypeOf<StoreOptions>().toEqualTypeOf<{ ttl?: number | undefined; reusable?: boolean | undefined }>()
expectTypeOf<
  Omit<SessionCacheStats, 'memory' | 'file'>[Exclude<keyof SessionCacheStats, 'memory' | 'file'>]
>().toEqualTypeOf<number>()
expectTypeOf<SessionCacheStats['memory']>().toEqualTypeOf<SessionCacheMemory>()
expectTypeOf<SessionCacheStats['file']>().toEqualTypeOf<SessionCacheFile | undefined>()
expectTypeOf<SessionCacheMemory>().toEqualTypeOf<{
  used: number
  locked: number
  excludedFromCoreDumps: boolean
  highestNode: number
}>()
expectTypeOf<SessionCacheStats>().toHaveProperty('hits')
// @ts-expect-error A blob is bytes.
expectTypeOf<SessionCache['set']>().toBeCallableWith('key', 'blob')
// @ts-expect-error There is no such option.
expectTypeOf(SessionCache).toBeConstructibleWith({ maximum: 10 })

// Clients
expectTypeOf<ResumptionOptions>().toExtend<{
  sessionCache?: CacheOption
  cachePartition?: string | undefined
}>()
expectTypeOf<ConnectOptions>().toExtend<tls.ConnectionOptions & ResumptionOptions>()
expectTypeOf(connect).returns.toEqualTypeOf<tls.TLSSocket>()
expectTypeOf(connect).toBeCallableWith(
  { host: 'a', port: 1, sessionCache: null, cachePartition: 'b' },
  () => {},
)
expectTypeOf(connect).toBeCallableWith(1, 'a', { servername: 'b' }, () => {})
// @ts-expect-error A cache is no session.
expectTypeOf(connect).toBeCallableWith({ session: new SessionCache() })
expectTypeOf<HttpsAgent>().toExtend<https.Agent>()
expectTypeOf(HttpsAgent).toBeConstructibleWith({ keepAlive: true, sessionCache: null })
expectTypeOf<HttpsAgentOptions>().toExtend<https.AgentOptions & ResumptionOptions>()
expectTypeOf(http2CreateConnection).toEqualTypeOf<(resumption?: ResumptionOptions) => Http2CreateConnection>()
expectTypeOf<Http2CreateConnection>().returns.toEqualTypeOf<tls.TLSSocket | net.Socket>()
expectTypeOf<{ createConnection: Http2CreateConnection }>().toExtend<http2.SecureClientSessionOptions>()
expectTypeOf(install).toEqualTypeOf<(options?: InstallOptions) => void>()

expectTypeOf(uninstall).toEqualTypeOf<() => void>()
expectTypeOf<InstallOptions>().toExtend<RolloutOptions>()
expectTypeOf<InstallOptions['sessionCache']>().toEqualTypeOf<CacheOption>()
expectTypeOf<RolloutOptions>().toEqualTypeOf<{
  include?: readonly string[] | undefined
  exclude?: readonly string[] | undefined
  sampleRate?: number | undefined
}>()
expectTypeOf(purge).toEqualTypeOf<(options?: PurgeOptions) => void>()
expectTypeOf<PurgeOptions>().toEqualTypeOf<{ host?: string | undefined; port?: number | undefined }>()
expectTypeOf(sessionKey).toEqualTypeOf<(options: SessionKeyOptions) => string | undefined>()
expectTypeOf<SessionKeyOptions>().toExtend<tls.ConnectionOptions>()
expectTypeOf(clientStats).toEqualTypeOf<() => ClientStats>()
expectTypeOf<ClientStats>().toEqualTypeOf<Record<ClientReason, number>>()
expectTypeOf<ClientMessage['reason']>().toEqualTypeOf<ClientReason>()
expectTypeOf<'resumed' | 'no-session'>().toExtend<ClientReason>()

// Servers
expectTypeOf(resumeSessions).toEqualTypeOf<
  (server: tls.Server, options?: ResumeSessionsOptions) => Disposable
>()
expectTypeOf(resumeSessions).toBeCallableWith({} as https.Server, { uniformClientTrust: true })
expectTypeOf<ResumeSessionsOptions['sessionCache']>().toEqualTypeOf<CacheOption>()
expectTypeOf(TicketKeys).constructorParameters.toEqualTypeOf<[options?: TicketKeysOptions | undefined]>()
expectTypeOf<TicketKeys['attach']>().toEqualTypeOf<
  (server: tls.Server, options?: AttachOptions) => Disposable
>()
expectTypeOf<TicketKeys['rotate']>().toEqualTypeOf<() => Promise<void>>()
expectTypeOf<TicketKeys['insert']>().toEqualTypeOf<(key: Uint8Array) => Promise<void>>()
expectTypeOf<TicketKeys['ready']>().toEqualTypeOf<Promise<void>>()
expectTypeOf<TicketKeys['path']>().toEqualTypeOf<string | undefined>()
expectTypeOf<TicketKeys['stats']>().returns.toEqualTypeOf<TicketKeysStats>()
expectTypeOf<TicketKeysStats['keys'][number]>().toExtend<{ generation: number; age: number }>()
expectTypeOf<AttachOptions>().toEqualTypeOf<{ uniformClientTrust?: boolean | undefined }>()
expectTypeOf<TicketKeysOptions['source']>().toEqualTypeOf<KeySource | undefined>()
expectTypeOf<KeySource>().toEqualTypeOf<
  { files: readonly string[] } | (() => GivenKeys | Promise<GivenKeys>)
>()
expectTypeOf(revokeSessions).toEqualTypeOf<(server: tls.Server) => Promise<void>>()
expectTypeOf(serverStats).toEqualTypeOf<() => ServerStats>()
expectTypeOf<ServerStats>().toEqualTypeOf<Record<ServerReason, number>>()
expectTypeOf<ServerMessage['reason']>().toEqualTypeOf<ServerReason>()
expectTypeOf<'session-id-hit' | 'ticket-accepted'>().toExtend<ServerReason>()
// @ts-expect-error A ring has no such method.
expectTypeOf<TicketKeys>().toHaveProperty('reset')

// Errors
expectTypeOf<CodedError>().toEqualTypeOf<Error & { code: ErrorCode }>()
expectTypeOf<CodedError<RangeError>>().toExtend<RangeError>()
expectTypeOf<'ERR_OUT_OF_RANGE' | 'ERR_TLS_RESUMPTION_ADDON'>().toExtend<ErrorCode>()

// Before traffic
expectTypeOf(warm).toEqualTypeOf<
  (peers: readonly (string | tls.ConnectionOptions)[], options?: WarmOptions) => Promise<Warmed[]>
>()
expectTypeOf<Warmed>().toEqualTypeOf<{
  readonly peer: string | tls.ConnectionOptions
  readonly stored: boolean
  readonly reason: string
}>()
expectTypeOf<WarmOptions>().toEqualTypeOf<{
  concurrency?: number | undefined
  timeout?: number | undefined
  sessionCache?: SessionCache | undefined
}>()
