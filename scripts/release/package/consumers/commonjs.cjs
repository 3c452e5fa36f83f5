const { connect, SessionCache } = require('tls-resumption')
const cacheSessions = require('tls-resumption/compat')
const { buildConnector } = require('tls-resumption/undici')

for (const fn of [cacheSessions, buildConnector])
  if (typeof fn !== 'function') throw new TypeError('no function')
import('./resume.mjs').then(({ resume }) => resume({ connect, SessionCache }))
