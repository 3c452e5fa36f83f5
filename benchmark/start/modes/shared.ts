import { connect, resumeSessions, SessionCache } from 'tls-resumption'
import type { Mode } from './mode.ts'

/** This package: a cache with the same name in every thread is the same native memory. */
export const shared: Mode = {
  client() {
    const sessionCache = new SessionCache({ name: 'npm-start-clients' })
    return {
      connect: dial => connect({ ...dial, sessionCache }),
      close: () => sessionCache[Symbol.dispose](),
    }
  },
  server(server) {
    resumeSessions(server, { sessionCache: new SessionCache({ name: 'npm-start-servers' }) })
  },
}
