// TypeScript that becomes CommonJS: `nodenext` knows that Node.js can require an ES module.
import { connect, SessionCache } from 'tls-resumption'

import cacheSessions = require('tls-resumption/compat')

if (typeof cacheSessions !== 'function') throw new TypeError('no function')
import('./resume.mjs').then(({ resume }) => resume({ connect, SessionCache }))
