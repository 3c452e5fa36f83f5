/**
 * What Node.js has on its TLS objects and does not document, behind one function each. `docs/internals/node-internals.md`
 * lists the members, and a test says for each whether this Node.js has it.
 */
import type { Duplex } from 'node:stream'
import tls from 'node:tls'

/** A native SecureContext: the part of a `tls.SecureContext` that verifies and negotiates. */
export interface NativeContext {
  setSessionIdContext(context: string): void
  setOptions?(options: number): void
  /** The own certificate in DER. */
  getCertificate?(): Uint8Array | null
  /** A copy of Node's own ticket keys, 48 bytes: name, HMAC key, AES key. */
  getTicketKeys?(): Buffer
}

/** Returns the host that a socket was asked to connect to: Node verifies it when there is no other name. */
export function hostOfSocket(socket: Duplex | undefined): string | undefined {
  return (socket as { _host?: string } | undefined)?._host
}

/** Returns the native context that a server uses now. `setSecureContext` replaces it. */
export function nativeContextOf(server: tls.Server): NativeContext {
  return (server as unknown as { _sharedCreds: { context: NativeContext } })._sharedCreds.context
}

/** True if a server chooses among several contexts by server name. */
export function hasContextsByName(server: tls.Server): boolean {
  const { _contexts } = server as unknown as { _contexts: readonly unknown[] }
  return _contexts.length > 0 || hasSniCallback(server)
}

const hasSniCallback = hasOptionUnder('snicallback')

/** True if a server has a `pskCallback`. */
export const hasPskCallback: (server: tls.Server) => boolean = hasOptionUnder('pskcallback')

/** Returns a check for an option that Node keeps under a symbol, the same one for all servers. */
function hasOptionUnder(description: string): (server: tls.Server) => boolean {
  let symbol: symbol | undefined
  return server => {
    symbol ??= Object.getOwnPropertySymbols(server).find(each => each.description === description)
    return symbol !== undefined && (server as unknown as Record<symbol, unknown>)[symbol] !== undefined
  }
}

const { getPeerCertificate } = tls.TLSSocket.prototype

/** Returns what `getPeerCertificate(detailed)` returns where the native part gives `certificate`. */
export function translatePeerCertificate(certificate: object, detailed: boolean): tls.PeerCertificate {
  const handle = { getPeerCertificate: () => certificate }
  return getPeerCertificate.call({ _handle: handle } as unknown as tls.TLSSocket, detailed as true)
}

/** Before Node.js 24 each call of `getPeerX509Certificate` takes the chain away from the connection. */
const readsChainOnce = Number.parseInt(process.versions.node, 10) < 24

/**
 * Returns the certificates that the peer sent, as DER, in its order. Undefined where there are none, or where asking would
 * change what the application gets later.
 */
export function sentCertificates(socket: tls.TLSSocket): Buffer[] | undefined {
  if (readsChainOnce) return undefined
  const sent: Buffer[] = []
  for (let next = socket.getPeerX509Certificate(); next; next = next.issuerCertificate) sent.push(next.raw)
  return sent.length > 0 ? sent : undefined
}

/**
 * Returns the session that an `https.Agent` has in its own cache for these options. A session that the caller of
 * `https.request` gave is another object.
 */
export function sessionOfAgent(options: tls.ConnectionOptions): unknown {
  const {
    _agentKey: key,
    agent,
    _defaultAgent: byDefault,
  } = options as {
    _agentKey?: unknown
    agent?: unknown
    _defaultAgent?: unknown
  }
  if (typeof key !== 'string') return undefined
  const { _sessionCache: cache } = (agent || byDefault || {}) as {
    _sessionCache?: { map?: Record<string, unknown> }
  }
  return cache?.map?.[key]
}

/**
 * True if undici's connector made these options. It passes the last session of its own cache as `session`, and so does
 * the `fetch` of Node.js.
 */
export function isOfUndici(options: tls.ConnectionOptions): boolean {
  const { ALPNProtocols: protocols, highWaterMark } = options as tls.ConnectionOptions & {
    highWaterMark?: unknown
  }
  return (
    highWaterMark === 16_384 &&
    'localAddress' in options &&
    'socket' in options &&
    Array.isArray(protocols) &&
    protocols.includes('http/1.1')
  )
}
