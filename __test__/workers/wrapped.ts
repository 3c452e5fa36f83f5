/**
 * Wraps functions of `tls` before it loads the package, as packages that inject CA certificates or pin peers do. Posts the
 * session key and the outcome of connections.
 */
import tls from 'node:tls'
import { parentPort, workerData } from 'node:worker_threads'
import type { Outcome } from '../support/outcome.ts'

export interface Wrapping {
  wrap: ('createSecureContext' | 'checkServerIdentity')[]
  /** A CA certificate to inject. */
  ca?: string
  /** The port to connect to, the name of the cache, and a CA to trust. */
  connect?: { port: number; name: string; ca?: string }
  /** The number of connections that the wrapper accepts. It rejects the next one. */
  trusted?: number
}

export interface Wrapped {
  key: string | undefined
  outcomes: Outcome[]
}

const { wrap, ca, connect: where, trusted = 1 } = workerData as Wrapping
let isRejecting = false

if (wrap.includes('createSecureContext')) {
  const original = tls.createSecureContext
  tls.createSecureContext = options => {
    const context = original(options)
    if (ca !== undefined) (context.context as { addCACert(ca: string): void }).addCACert(ca)
    return context
  }
}
if (wrap.includes('checkServerIdentity')) {
  const original = tls.checkServerIdentity
  tls.checkServerIdentity = (host, certificate) =>
    isRejecting ? new Error('rejected') : original(host, certificate)
}

const { connect, SessionCache, sessionKey } = await import('tls-resumption')
const { outcome } = await import('../support/outcome.ts')

const outcomes: Outcome[] = []
if (where) {
  using sessionCache = new SessionCache({ name: where.name })
  for (let round = 0; round <= trusted; round++) {
    isRejecting = round === trusted
    const { port, ca } = where
    const trusting = ca === undefined ? {} : { ca }
    outcomes.push(await outcome(connect({ port, ...trusting, servername: 'localhost', sessionCache })))
  }
}
parentPort?.postMessage({ key: sessionKey({ host: 'db.example', port: 5432 }), outcomes } satisfies Wrapped)
