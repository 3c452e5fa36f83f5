/**
 * TLS session resumption for Node.js: one native session cache, shared by all threads of the process.
 *
 * @packageDocumentation
 * @module tls-resumption
 */

export { type InstallOptions, install, uninstall } from './auto/install.js'
export type { RolloutOptions } from './auto/rollout.js'
export {
  SessionCache,
  type SessionCacheFile,
  type SessionCacheMemory,
  type SessionCacheOptions,
  type SessionCacheStats,
  type StoreOptions,
} from './cache/session-cache.js'
export { type Http2CreateConnection, http2CreateConnection } from './client/adapters/http2.js'
export { HttpsAgent, type HttpsAgentOptions } from './client/adapters/https-agent.js'
export { type ConnectOptions, connect, type ResumptionOptions } from './client/connect.js'
export { type PurgeOptions, purge } from './client/purge.js'
export { type Warmed, type WarmOptions, warm } from './client/warm.js'
export {
  type ClientMessage,
  type ClientReason,
  type ClientStats,
  clientStats,
} from './diagnostics/client-events.js'
export {
  type ServerMessage,
  type ServerReason,
  type ServerStats,
  serverStats,
} from './diagnostics/server-events.js'
export { type SessionKeyOptions, sessionKey } from './key/session-key.js'
export { revokeSessions } from './server/revoke-sessions.js'
export { type ResumeSessionsOptions, resumeSessions } from './server/session-ids.js'
export type { GivenKeys, KeySource } from './server/tickets/key-source.js'
export type { TicketKeysOptions } from './server/tickets/options.js'
export { type AttachOptions, TicketKeys, type TicketKeysStats } from './server/tickets/ticket-keys.js'
export type { CodedError, ErrorCode } from './util/errors.js'
