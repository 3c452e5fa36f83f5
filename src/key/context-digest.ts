import tls from 'node:tls'
import { isObject, isSame, sha256 } from '../util/digest.js'
import { LruMap } from '../util/lru-map.js'
import { encode, OpaqueValue } from './canonical-encoding.js'
import { identifyBuiltin } from './function-identity.js'
import { onPurge } from './purge-generation.js'

/**
 * What `tls.createSecureContext` reads. A client's trust, its own identity and what it will negotiate
 * are all in there, so every one of them is part of the key.
 */
export const CONTEXT_OPTIONS = [
  // @guard context-options › key-inputs › {}, changed alone, changes the key ⇒ drop each
  'allowPartialTrustChain',
  'ca',
  'cert',
  'certificateCompression',
  'ciphers',
  'clientCertEngine',
  'crl',
  'dhparam',
  'ecdhCurve',
  'honorCipherOrder',
  'key',
  'maxVersion',
  'minVersion',
  'passphrase',
  'pfx',
  'privateKeyEngine',
  'privateKeyIdentifier',
  'secureOptions',
  'secureProtocol',
  'sessionIdContext',
  'sessionTimeout',
  'sigalgs',
  'ticketKeys',
] as const

type ContextOptions = { readonly [option in (typeof CONTEXT_OPTIONS)[number]]?: unknown }

const identifyCreator = identifyBuiltin(tls.createSecureContext)

/** True if Node itself makes the contexts. A wrapper of another package may add other CAs or keys to each one. */
function areContextsBuiltin(): boolean {
  return identifyCreator(tls.createSecureContext).startsWith('builtin/')
}

/**
 * Returns a digest of everything that a SecureContext made from these options now would depend on: the options, the
 * defaults of `tls` they fall back to, and the default CA certificates. Undefined if an option is an object that could
 * change unnoticed, or if another package has replaced `tls.createSecureContext`.
 */
export function contextDigest(options: ContextOptions): string | undefined {
  // @guard replaced-create-secure-context › context-digest › *, connect(): a CA that a wrapper adds is
  //   trusted no longer than it adds it
  // @guard replaced-create-secure-context › context-digest › *, install() before the wrapper: no tenant is
  //   taken for one whose certificate a wrapper added
  if (!areContextsBuiltin()) return undefined
  const inputs = inputsOf(options)
  if (inputs === undefined) return digestOf(options)
  const known = recent.find(entry => isSame(entry.inputs, inputs))
  if (known !== undefined) return known.digest
  const digest = digestOf(options)
  recent.unshift({ inputs, digest })
  if (recent.length > MAX_RECENT) recent.pop()
  return digest
}

function digestOf(options: ContextOptions): string | undefined {
  try {
    const parts: string[] = []
    for (const option of CONTEXT_OPTIONS) parts.push(`${option}=${encodeOption(option, options[option])}`)
    return sha256(parts.join('\n'))
  } catch (error) {
    if (error instanceof OpaqueValue) return undefined
    throw error
  }
}

/** The digests of the options met last: those who reconnect bring the same text again and again. */
const recent: { inputs: readonly unknown[]; digest: string | undefined }[] = []
const MAX_RECENT = 8
// They hold options as they were given, secrets among them.
onPurge(() => recent.splice(0))
const LIST = Symbol('list')

/**
 * Everything that {@link digestOf} reads, if none of it can change in place: two equal lists have one digest.
 * Undefined where an option is an object, or a list of more than text.
 */
function inputsOf(options: ContextOptions): readonly unknown[] | undefined {
  const inputs: unknown[] = []
  for (const option of CONTEXT_OPTIONS) {
    const value = options[option]
    if (Array.isArray(value)) inputs.push(LIST, value.length, ...value)
    else inputs.push(value)
  }
  // @guard chain › key-inputs › a CA file replaced in place and read again is another key
  if (inputs.some(isObject)) return undefined
  // Node replaces its list of default CAs, and never changes it.
  // @guard chain › key-inputs › another default for the CA certificates is another key ⇒ if true
  inputs.push(options.ca ? undefined : defaultCa())
  // @guard negotiated-strength › install › contexts made under other defaults are other ones
  //   ⇒ `inputs.push(tls.DEFAULT_CIPHERS,` becomes `inputs.push(`
  // @guard negotiated-strength › key-inputs › tls.DEFAULT_ECDH_CURVE, which stands in for an option left out,
  //   is part of the key
  //   ⇒ without `, tls.DEFAULT_ECDH_CURVE`
  // @guard negotiated-strength › key-inputs › tls.DEFAULT_MIN_VERSION, which stands in for an option left
  //   out, is part of the key
  //   ⇒ without `, tls.DEFAULT_MIN_VERSION`
  // @guard negotiated-strength › key-inputs › tls.DEFAULT_MAX_VERSION, which stands in for an option left
  //   out, is part of the key
  //   ⇒ without `, tls.DEFAULT_MAX_VERSION`
  inputs.push(tls.DEFAULT_CIPHERS, tls.DEFAULT_ECDH_CURVE, tls.DEFAULT_MIN_VERSION, tls.DEFAULT_MAX_VERSION)
  return inputs
}

function encodeOption(option: (typeof CONTEXT_OPTIONS)[number], value: unknown): string {
  switch (option) {
    case 'ca':
      // @guard chain › key-inputs › another default for the CA certificates is another key
      //   ⇒ ``default:${defaultCaDigest()}`` becomes `'default'`
      return value ? encodeCertificates(value) : `default:${defaultCaDigest()}`
    case 'ciphers':
      // @guard negotiated-strength › install › contexts made under other defaults are other ones
      //   ⇒ `encode(value ?? tls.DEFAULT_CIPHERS)` becomes `encode(value)`
      return encode(value ?? tls.DEFAULT_CIPHERS)
    case 'ecdhCurve':
      // @guard negotiated-strength › key-inputs › tls.DEFAULT_ECDH_CURVE, which stands in for an option left
      //   out, is part of the key
      //   ⇒ `encode(value ?? tls.DEFAULT_ECDH_CURVE)` becomes `encode(value)`
      return encode(value ?? tls.DEFAULT_ECDH_CURVE)
    case 'minVersion':
      // @guard negotiated-strength › key-inputs › tls.DEFAULT_MIN_VERSION, which stands in for an option left
      //   out, is part of the key
      //   ⇒ `encode(value ?? tls.DEFAULT_MIN_VERSION)` becomes `encode(value)`
      return encode(value ?? tls.DEFAULT_MIN_VERSION)
    case 'maxVersion':
      // @guard negotiated-strength › key-inputs › tls.DEFAULT_MAX_VERSION, which stands in for an option left
      //   out, is part of the key
      //   ⇒ `encode(value ?? tls.DEFAULT_MAX_VERSION)` becomes `encode(value)`
      return encode(value ?? tls.DEFAULT_MAX_VERSION)
    default:
      return encode(value)
  }
}

const bundles = new LruMap<string, string>(16)
const LONG = 4096

/** A long bundle given as text is digested once: it is no secret, and text does not change. */
function encodeCertificates(value: unknown): string {
  if (typeof value !== 'string' || value.length < LONG) return encode(value)
  let digest = bundles.get(value)
  if (digest === undefined) {
    digest = `text:${sha256(encode(value))}`
    bundles.set(value, digest)
  }
  return digest
}

type WithDefaultCa = { getCACertificates?(type: 'default'): readonly string[] }

/** Read once by Node as the process starts, so what it says later changes nothing. */
const extraCaFile = process.env.NODE_EXTRA_CA_CERTS ?? ''
function defaultCa(): readonly string[] | undefined {
  return (tls as WithDefaultCa).getCACertificates?.('default')
}

const defaultCaDigests = new WeakMap<object, string>()

/** What verifies when no `ca` is given. Node hands out one frozen array until the default is changed. */
export function defaultCaDigest(): string {
  const certificates = defaultCa()
  // Before Node 22.15 there is no way to change the default within a process, nor to read it.
  if (certificates === undefined) return sha256(extraCaFile)
  let digest = defaultCaDigests.get(certificates)
  if (digest === undefined) {
    // A set: Node hands the same certificates back in another order and with other line ends.
    const set = new Set(certificates.map(pem => pem.replace(/\s/g, '')))
    digest = sha256([...set].sort().join('\n'))
    defaultCaDigests.set(certificates, digest)
  }
  return digest
}
