/**
 * TLS session resumption for Node.js: one native cache of sessions, shared by all threads.
 *
 * @packageDocumentation
 * @module tls-resumption
 */
export { type ConnectOptions, connect, type ResumptionOptions } from './connect.js'
export { type ClientMessage, type ClientReason, type ClientStats, clientStats } from './diagnostics.js'
export type { CodedError, ErrorCode } from './errors.js'
export { type Http2CreateConnection, http2CreateConnection } from './http2.js'
export { HttpsAgent, type HttpsAgentOptions } from './https-agent.js'
export { type InstallOptions, install, uninstall } from './install.js'
export type { GivenKeys, KeySource } from './key-source.js'
export { type PurgeOptions, purge } from './purge.js'
export { type ResumeSessionsOptions, resumeSessions } from './resume-sessions.js'
export type { RolloutOptions } from './rollout.js'
export {
  type ServerMessage,
  type ServerReason,
  type ServerStats,
  serverStats,
} from './server-diagnostics.js'
export {
  SessionCache,
  type SessionCacheMemory,
  type SessionCacheOptions,
  type SessionCacheStats,
  type StoreOptions,
} from './session-cache.js'
export { type SessionKeyOptions, sessionKey } from './session-key.js'
export {
  type AttachOptions,
  TicketKeys,
  type TicketKeysOptions,
  type TicketKeysStats,
} from './ticket-keys.js'
