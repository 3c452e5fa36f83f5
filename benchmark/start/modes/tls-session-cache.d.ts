declare module 'tls-session-cache' {
  import type { Server } from 'node:tls'

  export default function cacheSessionIds(server: Server, options?: { maxCachedSessions?: number }): void
}
