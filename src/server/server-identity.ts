/** Derives the identity of a server, to which its sessions are bound, and says when they prove too little about clients. */
import { createHash, randomUUID, X509Certificate } from 'node:crypto'
import type tls from 'node:tls'
import { encode, OpaqueValue } from '../key/canonical-encoding.js'
import { defaultCaDigest, isDefaultCaKnown } from '../key/context-digest.js'
import { processTrust } from '../key/process-trust.js'
import { native } from '../native/addon.js'
import { hasContextsByName, hasPskCallback, nativeContextOf } from '../node/tls-internals.js'
import { sha256 } from '../util/digest.js'

/** Properties of a `tls.Server` that Node.js sets and does not declare. */
export type ServerInternals = tls.Server & {
  requestCert?: boolean
  rejectUnauthorized?: boolean
  sessionIdContext?: string
  ca?: unknown
  cert?: unknown
  pfx?: unknown
}

/** OpenSSL's SSL_MAX_SID_CTX_LENGTH. */
export const CONTEXT_LENGTH = 32

/**
 * Returns the identity of a server: who it is to its clients, and which clients it trusts. Servers of equal identity may
 * resume each other's sessions.
 *
 * - Who it is: an explicit `sessionIdContext`, with which the operator declares servers to be one; otherwise the names in
 *   the default certificate.
 * - Which clients it trusts counts only with `requestCert`, since no other server verifies clients.
 *
 * `isDefaultContext` says that the server's `sessionIdContext` is the one that Node.js derives from the arguments.
 */
export function serverIdentity(server: ServerInternals, isDefaultContext: boolean): string {
  return sha256(
    encode([
      // @guard shared-keys-server-name › tickets-trust › a ticket of one server name does not resume at a
      //   server of another one
      isDefaultContext ? { names: namesOf(server) } : { context: server.sessionIdContext },
      // @guard shared-keys-client-certificate › server-identity › identity: requestCert changes the *
      server.requestCert ? { clients: trustOf(server) } : undefined,
    ]),
  )
}

/**
 * Returns what sessions in a file are bound to besides the identity: another process may trust other clients. Default CAs
 * whose content is not known are different ones in each process.
 */
export function trustScopeOf(server: ServerInternals): string {
  // @guard shared-keys-client-certificate › ticket-ring-file › tickets in a file: clients that are verified by default CAs *
  //   ⇒ if false
  if (server.requestCert && !server.ca && !isDefaultCaKnown())
    return `${processTrust()} ${native.processToken()}`
  return processTrust()
}

/** The options that decide which client certificates pass, besides those that `trustOf` names itself. */
const TRUST = [
  // @guard shared-keys-client-certificate › server-identity › identity: {} changes the * with requestCert
  //   ⇒ drop each
  'crl',
  'sigalgs',
  'allowPartialTrustChain',
] as const

function trustOf(server: ServerInternals): unknown[] {
  return [
    // @guard shared-keys-client-certificate › server-identity › identity: rejectUnauthorized changes the * with
    //   requestCert
    server.rejectUnauthorized !== false,
    // @guard shared-keys-client-certificate › server-identity › identity: ca changes the * with requestCert
    server.ca ? contentOf(server.ca) : defaultCaDigest(),
    // A PKCS #12 file may contain CA certificates, which Node.js then trusts.
    // @guard shared-keys-client-certificate › server-identity › identity: pfx changes the * with requestCert
    contentOf(pfxOf(server.pfx)),
    ...TRUST.map(option => contentOf(Reflect.get(server, option))),
  ]
}

/** Returns the content of a value; for a value without one a random tag, so that no two servers agree in it. */
function contentOf(value: unknown): string {
  try {
    return encode(value)
  } catch (error) {
    if (error instanceof OpaqueValue) return `opaque:${randomUUID()}`
    throw error
  }
}

/** Reduces the entries of a `pfx` option to what Node.js reads of them, whatever class they are of. */
function pfxOf(pfx: unknown): unknown {
  if (!Array.isArray(pfx)) return pfx
  return pfx.map(entry => {
    const { buf, passphrase } = (entry ?? {}) as { buf?: unknown; passphrase?: unknown }
    return buf ? [buf, passphrase] : entry
  })
}

/**
 * Returns the names of the server's own certificates. Their issuers and dates are not part of them, so that renewed
 * certificates, also of another authority, keep the sessions.
 */
function namesOf(server: ServerInternals): unknown {
  const certificates = server.cert ? [server.cert].flat() : [nativeContextOf(server).getCertificate?.()]
  return certificates.map(certificate => {
    try {
      const { subjectAltName, subject } = new X509Certificate(certificate as string)
      return subjectAltName === undefined ? { subject } : sortedNames(subjectAltName)
    } catch {
      return contentOf(certificate)
    }
  })
}

/** Authorities put names in different orders. Node.js quotes a name that contains a comma; such a list stays as it is. */
function sortedNames(subjectAltName: string): string {
  return subjectAltName.includes('"') ? subjectAltName : subjectAltName.split(', ').sort().join(', ')
}

/** Returns the context that Node.js gives a server without `sessionIdContext` (lib/_tls_wrap.js, setSecureContext). */
export function contextOfArguments(): string {
  return createHash('sha1').update(process.argv.join(' ')).digest('hex').slice(0, CONTEXT_LENGTH)
}

/** Returns why a session of the server does not say how its client was verified; undefined if it does. */
export function whyAmbiguous(server: ServerInternals, uniformClientTrust: boolean): string | undefined {
  // @guard client-trust-by-name › server-identity › binding: a server with a pskCallback stores no sessions
  //   ⇒ if false
  if (hasPskCallback(server)) {
    return 'it has a pskCallback, and a session does not say which pre-shared key its client had'
  }
  // @guard client-trust-by-name › tickets-trust › *: a ticket of one name's client authorizes at another name
  //   with Node alone, not with us
  //   ⇒ if true
  if (uniformClientTrust || !server.requestCert || !hasContextsByName(server)) return undefined
  return (
    'it asks for client certificates and has contexts by name, and a session does not say under which name its ' +
    'client was verified (see the option uniformClientTrust)'
  )
}

/** The properties of a server that decide its trust and change without `setSecureContext()`. */
export interface TrustSwitches {
  requestCert: unknown
  rejectUnauthorized: unknown
  hasContextsByName: boolean
}

export function trustSwitchesOf(server: ServerInternals): TrustSwitches {
  const { requestCert, rejectUnauthorized } = server
  return { requestCert, rejectUnauthorized, hasContextsByName: hasContextsByName(server) }
}

/** True if the switches are still as they were. It allocates nothing, since each connection asks. */
export function hasSwitches(server: ServerInternals, switches: TrustSwitches): boolean {
  return (
    server.requestCert === switches.requestCert &&
    server.rejectUnauthorized === switches.rejectUnauthorized &&
    hasContextsByName(server) === switches.hasContextsByName
  )
}
