/**
 * Describes what decides trust for all connections of one process, and may differ in the next one: the versions of Node.js
 * and OpenSSL, and how OpenSSL is configured. Keys of sessions that outlive the process hold it.
 */
import { getFips } from 'node:crypto'
import { lstatSync, readFileSync, readlinkSync, realpathSync, statSync } from 'node:fs'
import { dirname, isAbsolute } from 'node:path'
import { uptime } from 'node:process'
import { native } from '../native/addon.js'
import { sha256 } from '../util/digest.js'
import { SECOND, wallClock } from '../util/time.js'
import { encode } from './canonical-encoding.js'
import { isWholeConfiguration } from './openssl-configuration.js'
import { hasUnknownOptions, optionsOfStart, type ProcessStart, processStart } from './process-start.js'

/** Names how keys are derived. A release that derives them in another way has another number. */
const DERIVATION = 'tls-resumption client session key, version 1'

/** The options of Node.js that change how OpenSSL is configured, or which certificates it trusts. */
const OPTION =
  /^--(?:no-)?(?:openssl-|enable-fips|force-fips|security-revert|tls-cipher-list|tls-m(?:in|ax)-v|use-(?:openssl|bundled|system)-ca)/

/** Where OpenSSL looks for its configuration if none is named. */
const DEFAULT_CONFIGURATIONS = [
  '/usr/local/ssl/openssl.cnf',
  '/usr/lib/ssl/openssl.cnf',
  '/etc/ssl/openssl.cnf',
]
/** Where the OpenSSL of the system looks, too. */
const SHARED_CONFIGURATIONS = [...DEFAULT_CONFIGURATIONS, '/etc/pki/tls/openssl.cnf']

/** What a digest is made of. */
export interface TrustInputs extends ProcessStart {
  /** How keys are derived. */
  readonly derivation?: string
  readonly versions: { readonly node: string; readonly openssl: string }
  /** True if Node.js uses the OpenSSL of the system, which looks for its configuration where its builder chose. */
  readonly hasSharedOpenssl: boolean
  /** Returns a file as text; undefined if it does not exist. */
  readonly read: (file: string) => string | undefined
  readonly isFips: boolean
}

/** Returns a digest of these inputs. */
export function digestTrust(inputs: TrustInputs): string {
  const { derivation = DERIVATION, versions, isFips } = inputs
  const { system, thread } = optionsOfStart(inputs)
  const ofSystem = system.filter(option => OPTION.test(option))
  const ofThread = thread.filter(option => OPTION.test(option))
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
      // @guard shared-file › process-trust › process trust: what a worker and its application change does not count
      ofSystem,
      // @guard shared-file › process-trust › process trust: an option that configures OpenSSL is another one
      ofThread.every(option => ofSystem.includes(option)) ? [] : ofThread,
      // @guard shared-file › process-trust › process trust: options that cannot be read are never the same
      hasUnknownOptions(inputs) && native.processToken(),
      // @guard shared-file › process-trust › process trust: another content of the OpenSSL configuration is another one
      configurationOf(inputs, [...system, ...thread]),
      // @guard shared-file › process-trust › process trust: folders of code for OpenSSL are never the same
      namesCodeFolder(inputs) && native.processToken(),
      // @guard shared-file › process-trust › process trust: another library that the system loads first is another one
      LIBRARIES.map(name => inputs.startEnvironment?.[name] ?? ''),
    ]),
  )
}

/** Where OpenSSL looks for code that a configuration or an option names. What is in them is not known. */
const CODE_FOLDERS = ['OPENSSL_ENGINES', 'OPENSSL_MODULES']
/** With what the system loads other code in place of the libraries of Node.js. */
const LIBRARIES = ['LD_LIBRARY_PATH', 'LD_PRELOAD']

function namesCodeFolder({ environment, startEnvironment }: TrustInputs): boolean {
  return CODE_FOLDERS.some(name => isNamed(startEnvironment?.[name]) || isNamed(environment[name]))
}

const CONFIGURATION = '--openssl-config='

/**
 * Returns the content of each file that may be the configuration. One that depends on others, or that is not found, is
 * another one in each process.
 */
function configurationOf(inputs: TrustInputs, options: readonly string[]): string[] {
  const { environment, startEnvironment, read, hasSharedOpenssl } = inputs
  // An application may have an option of that name, too. So the option does not replace the others here.
  const named = options.filter(option => option.startsWith(CONFIGURATION))
  const ofVariable = [startEnvironment?.OPENSSL_CONF, environment.OPENSSL_CONF].filter(isNamed)
  const files = [...named.map(option => option.slice(CONFIGURATION.length)), ...ofVariable]
  const contents = [...new Set(files)].map(read)
  if (ofVariable.length === 0) {
    const defaults = (hasSharedOpenssl ? SHARED_CONFIGURATIONS : DEFAULT_CONFIGURATIONS).map(read)
    // @guard shared-file › process-trust › process trust: a shared OpenSSL whose configuration is not found is never the same
    //   ⇒ if false
    if (hasSharedOpenssl && defaults.every(content => content === undefined)) return [native.processToken()]
    contents.push(...defaults)
  }
  return contents.map((content = '') => (isWholeConfiguration(content) ? content : native.processToken()))
}

function isNamed(file: string | undefined): file is string {
  return file !== undefined && file !== ''
}

/** Node.js reads its configuration when the process starts, so this is read once. */
let digests: { plain: string; fips: string } | undefined

/** Returns the digest for this process. */
export function processTrust(): string {
  if (digests === undefined) {
    const inputs = {
      ...processStart,
      versions: process.versions as TrustInputs['versions'],
      hasSharedOpenssl: isSharedOpenssl(),
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

function isSharedOpenssl(): boolean {
  const { node_shared_openssl: isShared } = process.config.variables as { node_shared_openssl?: unknown }
  return isShared === true || isShared === 'true'
}

function readText(file: string): string | undefined {
  try {
    // @guard shared-file › process-trust › process trust: a configuration that was changed after the start is never the same
    //   ⇒ if false
    if (isNewerThanProcess(file)) return native.processToken()
    return readFileSync(file, 'utf8')
  } catch (error) {
    // A file that cannot be read configures nothing here, but may do so elsewhere.
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? undefined : native.processToken()
  }
}

/** True if the file may have been another one when the process started. Throws if there is none. */
function isNewerThanProcess(file: string): boolean {
  const started = wallClock() - uptime() * SECOND
  // Some file systems round times to seconds.
  return Math.max(statSync(file).ctimeMs, newestLink(file)) >= started - SECOND
}

/** Returns when the newest symbolic link on the way to the file was made, in milliseconds since 1970. 0 without a link. */
function newestLink(file: string): number {
  const folder = dirname(file)
  if (folder === file) return 0
  // @guard shared-file › process-trust › process trust: a configuration behind a link that was changed after the start *
  //   ⇒ `newestLink(folder)` becomes `0`
  const ofFolder = newestLink(folder)
  const state = lstatSync(file)
  if (!state.isSymbolicLink()) return ofFolder
  const target = readlinkSync(file)
  const ofTarget = newestLink(isAbsolute(target) ? target : `${realpathSync(folder)}/${target}`)
  return Math.max(state.ctimeMs, ofFolder, ofTarget)
}
