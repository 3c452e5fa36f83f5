// For CommonJS bundles, which have no top-level await.
import { connect, SessionCache } from 'tls-resumption'
import { resume } from './resume.mjs'

resume({ connect, SessionCache })
