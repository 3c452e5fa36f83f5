/**
 * What is the same for all connections of one process, decides trust, and may differ in the next process: the versions of
 * Node.js and OpenSSL, and how OpenSSL is configured. Keys of sessions that outlive the process hold it.
 */
import { getFips } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { native } from '../native/addon.js'
import { sha256 } from '../util/digest.js'
import { encode } from './canonical-encoding.js'

/** Names how keys are derived. A release that derives them in another way has another number. */
const DERIVATION = 'tls-resumption client session key, version 1'

/** The options of Node.js that change how OpenSSL is configured, or which certificates it trusts. */
const OPTION = /^--(?:openssl-|enable-fips|force-fips|security-revert|tls-|use-(?:openssl|bundled|system)-ca)/

/** Where OpenSSL looks for its configuration if none is named. */
const DEFAULT_CONFIGURATIONS = [
  '/usr/local/ssl/openssl.cnf',
  '/usr/lib/ssl/openssl.cnf',
  '/etc/ssl/openssl.cnf',
]

/** What a digest is made of. */
export interface TrustInputs {
  /** How keys are derived. */
  readonly derivation?: string
  readonly versions: { readonly node: string; readonly openssl: string }
  readonly execArgv: readonly string[]
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Returns a file as text; undefined if it does not exist. */
  readonly read: (file: string) => string | undefined
  readonly isFips: boolean
}

/** Returns a digest of these inputs. */
export function digestTrust(inputs: TrustInputs): string {
  const { derivation = DERIVATION, versions, execArgv, environment, read, isFips } = inputs
  const options = nodeOptions(execArgv, environment)
  return sha256(
    encode([
      // @guard shared-file › process-trust › process trust: another derivation of keys is another one
      derivation,
      // @guard shared-file › process-trust › process trust: another version of Node.js is another one
      versions.node,
      // @guard shared-file › process-trust › process trust: another version of OpenSSL is another one
      versions.openssl,
      // @guard shared-file › process-trust › process trust: FIPS is another one
      isFips,
      // @guard shared-file › process-trust › process trust: an option that configures OpenSSL is another one
      options.filter(option => OPTION.test(option)),
      // @guard shared-file › process-trust › process trust: another content of the OpenSSL configuration is another one
      configurationOf(options, environment, read),
    ]),
  )
}

/** Returns the options of Node.js, each with its value. */
function nodeOptions(execArgv: readonly string[], environment: TrustInputs['environment']): string[] {
  const given = [...(environment.NODE_OPTIONS ?? '').split(/\s+/), ...execArgv].filter(Boolean)
  // `--openssl-config file` is `--openssl-config=file`.
  return given.map((option, index) => {
    const value = given[index + 1]
    return option.includes('=') || value === undefined || value.startsWith('-')
      ? option
      : `${option}=${value}`
  })
}

/** Returns the content of the configuration. One that includes other files is another one in each process. */
function configurationOf(
  options: readonly string[],
  environment: TrustInputs['environment'],
  read: TrustInputs['read'],
): string[] {
  const named = options.filter(option => option.startsWith('--openssl-config=')).at(-1)
  const file = named?.slice(named.indexOf('=') + 1) ?? environment.OPENSSL_CONF
  return (file === undefined ? DEFAULT_CONFIGURATIONS : [file]).map(name => {
    const content = read(name) ?? ''
    // @guard shared-file › process-trust › process trust: a configuration that includes files is never the same
    //   ⇒ if false
    if (/^[ \t]*\.include\b/m.test(content)) return native.processToken()
    return content
  })
}

/** Node.js reads its configuration when the process starts, so this is read once. */
let digests: { plain: string; fips: string } | undefined

/** Returns the digest for this process. */
export function processTrust(): string {
  if (digests === undefined) {
    const inputs = {
      versions: process.versions as TrustInputs['versions'],
      execArgv: process.execArgv,
      environment: process.env,
      read: readText,
    }
    digests = {
      plain: digestTrust({ ...inputs, isFips: false }),
      fips: digestTrust({ ...inputs, isFips: true }),
    }
  }
  // `crypto.setFips` changes it in a running process.
  return getFips() === 0 ? digests.plain : digests.fips
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    // A file that cannot be read configures nothing here, but may do so elsewhere.
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? undefined : native.processToken()
  }
}
