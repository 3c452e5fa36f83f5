import { connect, SessionCache } from 'tls-resumption'
import cacheSessions from 'tls-resumption/compat'
import { buildConnector } from 'tls-resumption/undici'
import { resume } from './resume.mjs'

for (const fn of [cacheSessions, buildConnector])
  if (typeof fn !== 'function') throw new TypeError('no function')
await resume({ connect, SessionCache })
