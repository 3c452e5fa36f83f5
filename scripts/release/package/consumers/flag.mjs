// Run with `--import tls-resumption/auto`: Node's own tls.connect resumes. It has no SessionCache to be given one.
import tls from 'node:tls'
import { resume } from './resume.mjs'

class None {}
await resume({ connect: ({ sessionCache: _, ...options }) => tls.connect(options), SessionCache: None })
