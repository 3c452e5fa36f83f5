import tls from 'node:tls'
import { isConnecting } from '../node/socket-port.js'
import { sha256 } from '../util/digest.js'
import { LruMap } from '../util/lru-map.js'
import { InputMemo, isObject } from '../util/memo.js'
import { checkString } from '../util/validate.js'
import { encode } from './canonical-encoding.js'
import { contextDigest } from './context-digest.js'
import { identifyContext } from './context-origin.js'
import { peerLabel, readEndpoint } from './endpoint.js'
import { callbackToken, identifyBuiltin } from './function-identity.js'
import { hostnameOf, isStrict, withDefaults } from './options.js'
import { isPermissiveCheck } from './permissive-check.js'
import { Era } from './purge-generation.js'

export { hostnameOf, isStrict, withDefaults } from './options.js'

/** What decides the key: any options of `tls.connect`, and a partition of the caller's own. */
export interface SessionKeyOptions extends tls.ConnectionOptions {
  /**
   * Separates sessions that would otherwise share a key: of a tenant, or of one of several hosts behind an address.
   * 1 to 256 characters.
   */
  cachePartition?: string | undefined
}

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
  // @guard ocsp-and-psk › key-inputs › a pre-shared key* ⇒ without `|| options.requestOCSP`
  // @guard ocsp-and-psk › key-inputs › a pre-shared key* ⇒ without `options.pskCallback ||`
  if (options.pskCallback || options.requestOCSP || context === undefined) return undefined
  const { endpoint } = era
  const check = identifyCheck(options.checkServerIdentity)
  // @guard endpoint › key-endpoints › a stream that cannot say where it leads is cacheable only if the
  //   options name the peer
  //   ⇒ without `endpoint.isAnonymous ||`
  // @guard endpoint › key-endpoints › a socket that is yet to connect has no key*
  //   ⇒ without `|| (options.socket && isConnecting(options.socket))`
  if (endpoint.isAnonymous || check === undefined || (options.socket && isConnecting(options.socket))) {
    return undefined
  }
  return makeKey(peerLabel(endpoint), [
    // @guard endpoint › key-endpoints › what is too long to be read in the key counts all the same
    ...endpoint.address,
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

/** The last keys of each peer, by its label: to find one takes a fraction of the time to digest it. */
const lastKeys = new LruMap<string, InputMemo<string>>(1000)

function makeKey(label: string, inputs: readonly unknown[]): string | undefined {
  // `tls.connect` is about to throw: none of the inputs may be an object.
  if (inputs.some(isObject)) return undefined
  let keys = lastKeys.get(label)
  if (keys === undefined) {
    keys = new InputMemo(2)
    lastKeys.set(label, keys)
  }
  return keys.get(inputs, () => `${label} ${sha256(encode(inputs))}`)
}

/** The beginning of a key: where the connection goes, for people to read. */
export function peerOfKey(key: string): string {
  return key.slice(0, key.lastIndexOf(' '))
}

/** The same from options, whether or not they have a key. */
export function peerOf(options: tls.ConnectionOptions): string {
  try {
    return peerLabel(readEndpoint(options))
  } catch {
    return '' // options that Node is about to refuse
  }
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
