// For bundles: the import does what the flag does. CommonJS bundles have no top-level await.
import 'tls-resumption/auto'
import tls from 'node:tls'
import { resume } from './resume.mjs'

class None {}
resume({ connect: ({ sessionCache: _, ...options }) => tls.connect(options), SessionCache: None })
