/**
 * Wraps functions of `tls` before the package is loaded, as packages do that inject CA certificates or pin
 * peers, and posts the key that it then computes, and how connections end.
 */
import tls from 'node:tls'
import { parentPort, workerData } from 'node:worker_threads'
import type { Outcome } from '../support/outcome.ts'

export interface Wrapping {
  wrap: ('createSecureContext' | 'checkServerIdentity')[]
  /** A CA certificate to inject. */
  ca?: string
  /** Where to connect to, with the shared cache of that name, trusting that CA. */
  connect?: { port: number; name: string; ca?: string }
  /** How many connections there are to be, before the wrapper of the last one refuses. */
  trusted?: number
}

export interface Wrapped {
  key: string | undefined
  outcomes: Outcome[]
}

const { wrap, ca, connect: where, trusted = 1 } = workerData as Wrapping
let isRefusing = false

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
    isRefusing ? new Error('refused') : original(host, certificate)
}

const { connect, SessionCache, sessionKey } = await import('tls-resumption')
const { outcome } = await import('../support/outcome.ts')

const outcomes: Outcome[] = []
if (where) {
  using sessionCache = new SessionCache({ name: where.name })
  for (let round = 0; round <= trusted; round++) {
    isRefusing = round === trusted
    const { port, ca } = where
    const trusting = ca === undefined ? {} : { ca }
    outcomes.push(await outcome(connect({ port, ...trusting, servername: 'localhost', sessionCache })))
  }
}
parentPort?.postMessage({ key: sessionKey({ host: 'db.example', port: 5432 }), outcomes } satisfies Wrapped)
