import tls from 'node:tls'
import { sha256 } from '../util/digest.js'
import { LruMap } from '../util/lru-map.js'
import { InputMemo } from '../util/memo.js'
import { encode, OpaqueValue } from './canonical-encoding.js'
import { isBuiltinCreator } from './node-functions.js'
import { optionsOfStart, processStart } from './process-start.js'
import { onPurge } from './purge-generation.js'

/** The options that `tls.createSecureContext` reads. They decide trust, the client's identity and what is negotiated. */
export const CONTEXT_OPTIONS = [
  // @guard context-options › key-inputs › {}: a change of nothing else changes the key ⇒ drop each
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

/** True if Node itself makes the contexts. A wrapper of another package may add other CAs or keys to each one. */
function areContextsBuiltin(): boolean {
  return isBuiltinCreator(tls.createSecureContext)
}

/**
 * Returns a digest of everything that a SecureContext of these options would depend on now. That is the options, the
 * defaults of `tls` that replace missing ones, and the default CA certificates. Undefined if an option is an object that could
 * change unnoticed, or if another package has replaced `tls.createSecureContext`.
 */
export function contextDigest(options: ContextOptions): string | undefined {
  // @guard replaced-create-secure-context › context-digest › *, connect(): a CA that a wrapper adds is
  //   trusted no longer than it adds it
  // @guard replaced-create-secure-context › context-digest › *, install() before the wrapper: no tenant is
  //   taken for one whose certificate a wrapper added
  if (!areContextsBuiltin()) return undefined
  return recentDigests.get(listInputs(options), () => digestOptions(options))
}

/** The digests of the last options: clients that reconnect bring the same ones again and again. */
const recentDigests = new InputMemo<string | undefined>(8)
// It holds copies of secrets.
onPurge(() => recentDigests.clear())

function digestOptions(options: ContextOptions): string | undefined {
  try {
    const parts: string[] = []
    for (const option of CONTEXT_OPTIONS) parts.push(`${option}=${encodeOption(option, options[option])}`)
    const digest = sha256(parts.join('\n'))
    return options.ca || isDefaultCaKnown() ? digest : `${OF_THIS_PROCESS}${digest}`
  } catch (error) {
    if (error instanceof OpaqueValue) return undefined
    throw error
  }
}

const OF_THIS_PROCESS = 'process/'

/** True if the digest relies on default CAs whose content is not known, so that it means something in this process only. */
export function isOfThisProcess(digest: string): boolean {
  return digest.startsWith(OF_THIS_PROCESS)
}

const LIST = Symbol('list')

/** Lists everything that {@link digestOptions} reads, so that two equal lists have one digest. */
function listInputs(options: ContextOptions): readonly unknown[] {
  const inputs: unknown[] = []
  for (const option of CONTEXT_OPTIONS) {
    const value = options[option]
    if (Array.isArray(value)) inputs.push(LIST, value.length, ...value)
    else inputs.push(value)
  }
  // @guard chain › key-inputs › another default for the CA certificates is another key ⇒ if true
  inputs.push(options.ca ? undefined : defaultCaDigest())
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

const bundleDigests = new LruMap<string, string>(16)
const LONG_BUNDLE_CHARACTERS = 4096

/** Digests a long bundle of certificates once if it is text, which cannot change. Certificates are no secrets. */
function encodeCertificates(value: unknown): string {
  if (typeof value !== 'string' || value.length < LONG_BUNDLE_CHARACTERS) return encode(value)
  let digest = bundleDigests.get(value)
  if (digest === undefined) {
    digest = `text:${sha256(encode(value))}`
    bundleDigests.set(value, digest)
  }
  return digest
}

/** True if an option makes OpenSSL look for CAs on its own. Node.js then does not know them. */
const hasOpensslStore = Object.values(optionsOfStart(processStart))
  .flat()
  .some(option => option.startsWith('--use-openssl-ca'))

/**
 * True if {@link defaultCaDigest} depends on the content of the default CAs. Some builds of Node.js use OpenSSL's own store
 * by default: their list of default CAs lacks the bundled ones.
 */
export function isDefaultCaKnown(): boolean {
  isFirstListWhole ??= containsAll(defaultCa(), tls.rootCertificates)
  return isFirstListWhole && !hasOpensslStore
}

let isFirstListWhole: boolean | undefined

type WithDefaultCa = { getCACertificates?(type: 'default'): readonly string[] }

/** Node reads the variable once, when the process starts. */
const extraCaFile = process.env.NODE_EXTRA_CA_CERTS ?? ''
function defaultCa(): readonly string[] | undefined {
  return (tls as WithDefaultCa).getCACertificates?.('default')
}

function containsAll(list: readonly string[] | undefined, wanted: readonly string[]): boolean {
  const texts = new Set(list?.map(withoutSpace))
  return list !== undefined && wanted.every(text => texts.has(withoutSpace(text)))
}

function withoutSpace(text: string): string {
  return text.replace(/\s/g, '')
}

const defaultCaDigests = new WeakMap<object, string>()

/** Returns a digest of the CAs that Node trusts if no `ca` is given. Node returns one frozen array until the default changes. */
export function defaultCaDigest(): string {
  const certificates = defaultCa()
  // Before Node 22.15 there is no way to change the default within a process, nor to read it.
  if (certificates === undefined) return sha256(extraCaFile)
  let digest = defaultCaDigests.get(certificates)
  if (digest === undefined) {
    // A set: Node hands the same certificates back in another order and with other line ends.
    const set = new Set(certificates.map(withoutSpace))
    digest = sha256([...set].sort().join('\n'))
    defaultCaDigests.set(certificates, digest)
  }
  return digest
}
