// Runs with `--import tls-resumption/auto`: Node's own tls.connect resumes. There is no SessionCache to pass.
import tls from 'node:tls'
import { resume } from './resume.mjs'

class None {}
await resume({ connect: ({ sessionCache: _, ...options }) => tls.connect(options), SessionCache: None })
