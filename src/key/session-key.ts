import tls from 'node:tls'
import { isConnecting } from '../node/socket-port.js'
import { sha256 } from '../util/digest.js'
import { LruMap } from '../util/lru-map.js'
import { InputMemo, isObject } from '../util/memo.js'
import { checkString } from '../util/validate.js'
import { encode } from './canonical-encoding.js'
import { contextDigest, isOfThisProcess } from './context-digest.js'
import { identifyContext } from './context-origin.js'
import { formatPeerLabel, readEndpoint, readTransport } from './endpoint.js'
import { callbackToken, isIdentityToken } from './function-identity.js'
import { type KeyScope, PROCESS_SCOPE } from './key-scope.js'
import { identifyDefaultCheck } from './node-functions.js'
import { hostnameOf, isStrict, withDefaults } from './options.js'
import { isPermissiveCheck } from './permissive-check.js'
import { noticePurges, onPurge, PurgeGeneration } from './purge-generation.js'

/** The options of `tls.connect`, and a partition. */
export interface SessionKeyOptions extends tls.ConnectionOptions {
  /**
   * Separates sessions that would otherwise share a key: of a tenant, or of one of several hosts behind an address.
   * 1 to 256 characters.
   */
  cachePartition?: string | undefined
}

/**
 * Returns the key under which `connect` stores the sessions of a connection with these options. Undefined if it stores
 * none.
 *
 * Everything that decides trust is in the key, secrets as part of a SHA-256 digest. Two sets of options that could
 * verify the peer differently, or present another identity to it, never have the same key. Functions and
 * SecureContexts count by identity within one thread. `tls.checkServerIdentity`, the default, is the same in all
 * threads. The key begins with the readable endpoint. It changes with each {@link purge} of the peer.
 *
 * A `socket` that is yet to connect has no key: where it leads is not known.
 *
 * @throws `ERR_INVALID_ARG_TYPE` or `ERR_OUT_OF_RANGE` for a wrong `cachePartition`.
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
  const full = withDefaults(options)
  return identifyPeer(full, options.cachePartition, identifyContextFor(full))?.key
}

/** The peer of a connection, as the caches know it. */
export interface PeerIdentity {
  /** The session key. */
  readonly key: string
  /** Transport and server name: failures and times are those of an endpoint, not of a key. */
  readonly endpoint: string
  /** What had been purged when the key was derived. */
  readonly generation: PurgeGeneration
}

/** The last identities of each host, by its scope: to find one takes a fraction of the time to derive it. */
type Identities = LruMap<unknown, InputMemo<PeerIdentity | undefined>>
const MAX_HOSTS = 1000
/** As many peers as a service mesh has behind ports of one address. */
const MAX_IDENTITIES_PER_HOST = 64
let lastIdentities = new WeakMap<KeyScope, Identities>()
onPurge(() => {
  lastIdentities = new WeakMap()
})

function identitiesIn(scope: KeyScope): Identities {
  let identities = lastIdentities.get(scope)
  if (identities === undefined) {
    identities = new LruMap(MAX_HOSTS)
    lastIdentities.set(scope, identities)
  }
  return identities
}

/**
 * Returns the identity of the peer of options that {@link withDefaults} has completed. Undefined if they are not cacheable.
 *
 * @param context the result of {@link identifyContextFor}.
 * @param scope the threads or processes that share the sessions.
 */
export function identifyPeer(
  options: tls.ConnectionOptions,
  partition: string | undefined,
  context: string | undefined,
  scope: KeyScope = PROCESS_SCOPE,
): PeerIdentity | undefined {
  const { host, path, port, servername, minDHSize, socket } = options
  // @guard ocsp-and-psk › key-inputs › a pre-shared key* ⇒ without `|| options.requestOCSP`
  // @guard ocsp-and-psk › key-inputs › a pre-shared key* ⇒ without `options.pskCallback ||`
  if (options.pskCallback || options.requestOCSP || context === undefined) return undefined
  const check = identifyCheck(options.checkServerIdentity)
  // @guard endpoint › key-endpoints › a socket that is yet to connect has no key*
  //   ⇒ without `|| (socket && isConnecting(socket))`
  if (check === undefined || (socket && isConnecting(socket))) return undefined
  // Clears the memory after a purge.
  noticePurges(scope)
  const transport = readTransport(socket)
  // Everything from which the identity is derived.
  const inputs: unknown[] = [
    // Those of one host differ in their port most often, so it comes first.
    port,
    // @guard client-certificate › trust › *: one client certificate's session is not used with another, or
    //   with none
    context,
    // @guard check-server-identity › key-inputs › two functions, or two contexts, are never one
    check,
    scope.trust(),
    // @guard verification-off › key-inputs › rejectUnauthorized: a change of nothing else changes the key
    isStrict(options),
    // @guard negotiated-strength › key-inputs › minDHSize: a change of nothing else changes the key
    minDHSize,
    // @guard endpoint › key-inputs › cachePartition: a change of nothing else changes the key
    partition,
    host,
    // @guard endpoint › key-inputs › path: a change of nothing else changes the key
    path,
    // @guard host-name › key-inputs › servername: a change of nothing else changes the key
    servername,
  ]
  if (transport !== undefined) inputs.push(...transport)
  // No text is made of host and port: to look up a new text takes longer than all the rest.
  const name = host ?? path ?? transport?.[0]
  const identities = identitiesIn(scope)
  let last = identities.get(name)
  if (last === undefined) {
    last = new InputMemo(MAX_IDENTITIES_PER_HOST)
    identities.set(name, last)
  }
  const known = last.find(inputs) ?? last.add(inputs, derive(options, partition, { context, check, scope }))
  return known.result
}

function derive(
  options: tls.ConnectionOptions,
  partition: string | undefined,
  { context, check, scope }: { context: string; check: string; scope: KeyScope },
): PeerIdentity | undefined {
  const generation = new PurgeGeneration(options, scope)
  const { endpoint } = generation
  // @guard endpoint › key-endpoints › a stream that cannot say where it leads is cacheable only if the
  //   options name the peer
  if (endpoint.isAnonymous) return undefined
  const inputs = [
    // @guard endpoint › key-endpoints › what is too long to be read in the key counts all the same
    ...endpoint.address,
    // @guard host-name › key-endpoints › session key: a host, and the same name sent as server name, have different keys
    options.servername || undefined,
    // @guard host-name › key-endpoints › session key: the name to verify counts where the endpoint is the same
    hostnameOf(options),
    // @guard verification-off › key-inputs › rejectUnauthorized: a change of nothing else changes the key
    isStrict(options),
    // @guard check-server-identity › trust › *: a pinning checkServerIdentity is asked about a peer met
    //   without it
    check,
    // @guard negotiated-strength › key-inputs › minDHSize: a change of nothing else changes the key
    options.minDHSize,
    // @guard client-certificate › trust › *: one client certificate's session is not used with another, or
    //   with none
    context,
    // @guard endpoint › key-inputs › cachePartition: a change of nothing else changes the key
    partition,
    // @guard purge › purge › a purge holds in all threads at once, in whichever it was done
    generation.value,
    // @guard shared-file › process-trust › session key: it holds the file and what the process takes for granted
    scope.trust(),
  ]
  // `tls.connect` is about to throw: none of the inputs may be an object.
  if (inputs.some(isObject)) return undefined
  const label = formatPeerLabel(endpoint)
  return {
    key: `${label} ${sha256(encode(inputs))}`,
    endpoint: `${label} ${options.servername ?? ''}`,
    generation,
  }
}

/**
 * True if the key of these options means the same in another process. It does not if it holds an identity token, or if it
 * relies on default CAs whose content is not known. `context`: the result of {@link identifyContextFor}.
 */
export function isShareable(options: tls.ConnectionOptions, context: string): boolean {
  // @guard shared-file › process-trust › shareable: a SecureContext whose origin is not known is not ⇒ if false
  if (isIdentityToken(context)) return false
  // @guard shared-file › process-trust › shareable: default CAs whose content is not known are not ⇒ if false
  if (isOfThisProcess(context)) return false
  const { checkServerIdentity: check } = options
  if (typeof check !== 'function') return false
  // @guard shared-file › process-trust › shareable: a checkServerIdentity is not, unless * ⇒ `return (` becomes `return true || (`
  return (
    (check === tls.checkServerIdentity && !isIdentityToken(identifyDefaultCheck(check))) ||
    isPermissiveCheck(check)
  )
}

/** Returns the readable label at the beginning of a session key. */
export function readPeerLabel(key: string): string {
  return key.slice(0, key.lastIndexOf(' '))
}

/** Returns the label of the peer of these options, which need not have a key. Empty for options that Node rejects. */
export function describePeer(options: tls.ConnectionOptions): string {
  try {
    return formatPeerLabel(readEndpoint(options))
  } catch {
    return ''
  }
}

/** Returns what stands for the SecureContext in a key: the identity of a given one, or the digest of what one is made from. */
export function identifyContextFor(options: tls.ConnectionOptions): string | undefined {
  const { secureContext } = options
  if (!secureContext) return contextDigest(options)
  // Not an object: `tls.connect` is about to throw.
  if (typeof secureContext !== 'object') return undefined
  return identifyContext(secureContext)
}

function identifyCheck(check: unknown): string | undefined {
  // Not a function: `tls.connect` is about to throw.
  if (typeof check !== 'function') return undefined
  if (check === tls.checkServerIdentity) return identifyDefaultCheck(check)
  // @guard check-server-identity › key-inputs › two functions, or two contexts, are never one
  //   ⇒ `: callbackToken(check)` becomes `: 'check'`
  return isPermissiveCheck(check) ? 'permissive' : callbackToken(check)
}
