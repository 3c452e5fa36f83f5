import { connect, SessionCache, type SessionCacheStats } from 'tls-resumption'
import cacheSessions, { type CompatOptions } from 'tls-resumption/compat'
import { buildConnector } from 'tls-resumption/undici'
import { resume } from './resume.mjs'

const sessionCache: SessionCache = new SessionCache({ max: 10 })
const stats: SessionCacheStats = sessionCache.stats()
const options: CompatOptions = { maxCachedSessions: stats.size + 1 }
if (typeof cacheSessions !== 'function' || options.maxCachedSessions !== 1) throw new TypeError('no function')
buildConnector({ sessionCache, timeout: 1 })
// @ts-expect-error Options are checked.
if (false as boolean) new SessionCache({ max: '10' })
await resume({ connect, SessionCache })
