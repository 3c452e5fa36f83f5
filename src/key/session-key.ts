import { Socket } from 'node:net'
import tls from 'node:tls'
import { hostOfSocket } from '../node/tls-internals.js'
import { isObject, isSame, sha256 } from '../util/digest.js'
import { LruMap } from '../util/lru-map.js'
import { checkString } from '../util/validate.js'
import { encode } from './canonical-encoding.js'
import { contextDigest } from './context-digest.js'
import { identifyContext } from './context-origin.js'
import { callbackToken, identifyBuiltin } from './function-identity.js'
import { isPermissiveCheck } from './permissive-check.js'
import { Era } from './purge-generation.js'

/** What decides the key: any options of `tls.connect`, and a partition of the caller's own. */
export interface SessionKeyOptions extends tls.ConnectionOptions {
  /**
   * Separates sessions that would otherwise share a key: of a tenant, or of one of several hosts behind an address.
   * 1 to 256 characters.
   */
  cachePartition?: string | undefined
}

/**
 * The options of `tls.connect`, those of `tls.createSecureContext` apart, that go into the key; each
 * decides who is spoken to, or what is verified.
 */
export const KEYED_OPTIONS = [
  'checkServerIdentity',
  'host',
  'minDHSize',
  'path',
  'port',
  'rejectUnauthorized',
  'secureContext',
  'servername',
  'socket',
] as const

/** The options that make a connection one that is neither resumed nor remembered, and why. */
export const UNCACHEABLE_OPTIONS = {
  pskCallback: 'an external PSK takes the place of the certificates that a session stands for',
  requestOCSP: 'a resumed handshake carries no OCSP response, so the caller would not get to check it',
} as const

/** The options that are left out of the key on purpose, and why. */
export const IGNORED_OPTIONS = {
  SNICallback: 'for servers alone',
  ALPNProtocols: 'the protocol is negotiated afresh on every resumption (RFC 8446 section 4.6.1)',
  allowHalfOpen: 'how the stream ends',
  autoSelectFamily: 'how the address is chosen; whom it belongs to is verified by name',
  autoSelectFamilyAttemptTimeout: 'how the address is chosen',
  blockList: 'which addresses are refused, which happens before the handshake',
  enableTrace: 'a trace of the handshake for debugging',
  family: 'how the address is chosen',
  fd: 'the descriptor of the stream below; no peer is identified by it',
  handle: 'the handle of the stream below',
  highWaterMark: 'how much is buffered',
  hints: 'how the address is chosen',
  keepAlive: 'TCP keep-alive',
  keepAliveInitialDelay: 'TCP keep-alive',
  localAddress: 'the near end of the connection',
  localPort: 'the near end of the connection',
  lookup: 'how the address is chosen; whom it belongs to is verified by name',
  noDelay: 'TCP_NODELAY',
  onread: 'how the data is read',
  readable: 'whether the stream is read',
  requestCert: 'for servers; a client always asks for a certificate',
  session: 'the session itself',
  signal: 'when the connection is given up',
  timeout: 'when the connection is given up',
  typeOfService: 'how packets are marked',
  writable: 'whether the stream is written',
} as const

/**
 * The key under which `connect` keeps the sessions of a connection with these options, or undefined
 * where it would keep none.
 *
 * Everything that decides trust is in it, secrets as part of a SHA-256 digest: two sets of options
 * that could verify the peer differently, or present another identity to it, never have the same key.
 * Functions and SecureContexts count by identity within one thread; `tls.checkServerIdentity`, the
 * default, is the same in all. The key begins with the endpoint in clear, for people to read; after a
 * {@link purge} of the peer it is another one.
 *
 * @throws `ERR_INVALID_ARG_TYPE` or `ERR_OUT_OF_RANGE` for a `cachePartition` that is wrong.
 *
 * @example
 * ```ts
 * import { sessionKey } from 'tls-resumption'
 *
 * sessionKey({ host: 'db.example', port: 5432 }) // 'tcp:db.example:5432 …'
 * ```
 */
export function sessionKey(options: SessionKeyOptions): string | undefined {
  checkString('cachePartition', options.cachePartition, 256)
  return keyOf(withDefaults(options), options.cachePartition)
}

/** The options as `tls.connect` will see them: each read once, with the defaults it gives them. */
export function withDefaults<Options extends tls.ConnectionOptions>(options: Options): Options {
  return {
    // @guard verification-off › key-inputs › NODE_TLS_REJECT_UNAUTHORIZED counts as the option it stands for
    //   ⇒ `process.env.NODE_TLS_REJECT_UNAUTHORIZED !== '0'` becomes `true`
    rejectUnauthorized: process.env.NODE_TLS_REJECT_UNAUTHORIZED !== '0',
    ciphers: tls.DEFAULT_CIPHERS,
    checkServerIdentity: tls.checkServerIdentity,
    minDHSize: 1024,
    ...options,
  }
}

/** Node's reading of the option: whatever is not `false` is strict. */
export function isStrict(options: tls.ConnectionOptions): boolean {
  return options.rejectUnauthorized !== false
}

/** What whoever asks for a key knows beyond the options. */
interface KeyInputs {
  /** The {@link contextTag} of the options. */
  context?: string | undefined
  era?: Era
}

/** The key of options that {@link withDefaults} has completed. */
export function keyOf(
  options: tls.ConnectionOptions,
  partition: string | undefined,
  { context = contextTag(options), era = new Era(options) }: KeyInputs = {},
): string | undefined {
  // @guard ocsp-and-psk › session-provenance › *: a session of ours is not offered where an OCSP*
  //   ⇒ without `|| options.requestOCSP`
  // @guard ocsp-and-psk › key-inputs › a pre-shared key* ⇒ without `options.pskCallback ||`
  if (options.pskCallback || options.requestOCSP || context === undefined) return undefined
  const leg = transportOf(options, partition)
  const check = identifyCheck(options.checkServerIdentity)
  if (leg === undefined || check === undefined) return undefined
  return digested(readable(leg), [
    // @guard endpoint › key-endpoints › what is too long to be read in the key counts all the same
    ...leg,
    // @guard host-name › key-endpoints › a host is told from the same name sent as server name
    options.servername || undefined,
    // @guard host-name › key-endpoints › what is verified is told apart where the way there is the same
    hostnameOf(options),
    // @guard verification-off › key-inputs › rejectUnauthorized, changed alone, changes the key
    isStrict(options),
    // @guard check-server-identity › trust › *: a pinning checkServerIdentity is asked about a peer met
    //   without it
    check,
    // @guard negotiated-strength › key-inputs › minDHSize, changed alone, changes the key
    options.minDHSize,
    // @guard client-certificate › trust › *: one client certificate's session is not used with another, or
    //   with none
    context,
    // @guard endpoint › key-inputs › cachePartition, changed alone, changes the key
    partition,
    // @guard purge › purge › a purge holds in all threads at once, in whichever it was done
    era.tag,
  ])
}

/** The last key of each peer: who reconnects brings the same inputs again, and to write them out and digest takes longer. */
const latest = new LruMap<string, { inputs: readonly unknown[]; key: string }>(1000)

function digested(peer: string, inputs: readonly unknown[]): string | undefined {
  // Something that `tls.connect` is about to refuse.
  if (inputs.some(isObject)) return undefined
  const known = latest.get(peer)
  // @guard endpoint › key-inputs › rejectUnauthorized, changed alone, changes the key
  //   ⇒ `if (known && isSame(known.inputs, inputs))` becomes `if (known)`
  if (known && isSame(known.inputs, inputs)) return known.key
  const key = `${peer} ${sha256(encode(inputs))}`
  latest.set(peer, { inputs, key })
  return key
}

/** The beginning of a key: where the connection goes, for people to read. */
export function peerOfKey(key: string): string {
  return key.slice(0, key.lastIndexOf(' '))
}

/** The same from options, whether or not they have a key. */
export function peerOf(options: tls.ConnectionOptions): string {
  try {
    return readable(transportOf(options, '') ?? [])
  } catch {
    return '' // options that Node is about to refuse
  }
}

function readable(leg: readonly string[]): string {
  return leg.join(':').slice(0, 200)
}

/** What stands for the context in a key: the identity of one given, or the digest of what one is made from. */
export function contextTag(options: tls.ConnectionOptions): string | undefined {
  const { secureContext } = options
  if (!secureContext) return contextDigest(options)
  // Not an object: `tls.connect` is about to throw.
  if (typeof secureContext !== 'object') return undefined
  return identifyContext(secureContext)
}

const identifyDefaultCheck = identifyBuiltin(tls.checkServerIdentity)

function identifyCheck(check: unknown): string | undefined {
  // Not a function: `tls.connect` is about to throw.
  if (typeof check !== 'function') return undefined
  if (check === tls.checkServerIdentity) return identifyDefaultCheck(check)
  // @guard check-server-identity › partitions › *: of two closures of one text each is asked, *
  //   ⇒ `: callbackToken(check)` becomes `: String(check)`
  return isPermissiveCheck(check) ? 'permissive' : callbackToken(check)
}

/** Where the connection goes, and over what. A proxy's own leg and what runs inside it never agree. */
function transportOf(options: tls.ConnectionOptions, partition: string | undefined): string[] | undefined {
  const { socket, path, host, port, servername } = options
  if (!socket) return path ? ['unix', String(path)] : ['tcp', String(host ?? 'localhost'), String(port)]
  const { remoteAddress, remotePort } = socket as Socket
  const origin = [String(host ?? ''), String(port ?? '')]
  if (remoteAddress !== undefined) return [kindOf(socket), remoteAddress, String(remotePort), ...origin]
  // A stream that cannot say where it leads, or not yet: somebody has to have named the peer.
  const isNamed = host || servername || partition !== undefined
  // @guard endpoint › key-endpoints › a stream that cannot say where it leads is not cacheable unless
  //   somebody names the peer
  //   ⇒ if true
  return isNamed ? [kindOf(socket), '?', ...origin] : undefined
}

function kindOf(socket: unknown): string {
  // @guard endpoint › key-endpoints › the leg to a proxy* ⇒ `return 'over-tls'` becomes `return 'over-tcp'`
  if (socket instanceof tls.TLSSocket) return 'over-tls'
  return socket instanceof Socket ? 'over-tcp' : 'over-stream'
}

/** The name that Node verifies the peer against. */
export function hostnameOf({ servername, host, socket }: tls.ConnectionOptions): string {
  // @guard host-name › connect › TLS 1.3 tickets resume, without one*
  //   ⇒ `return servername || host ||` becomes `return host ||`
  return servername || host || hostOfSocket(socket) || 'localhost'
}
