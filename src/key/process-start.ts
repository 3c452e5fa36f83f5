/**
 * How the process was started. `process.execArgv` and `process.env` can be changed, and a worker may have others, but OpenSSL
 * is configured once for the whole process.
 */
import { readFileSync } from 'node:fs'
import { isMainThread } from 'node:worker_threads'

/** The environment variables that are read. */
export type Environment = Readonly<Record<string, string | undefined>>

/** What the system and the thread know of the start. */
export interface ProcessStart {
  /** The arguments with which the process was started, also those of the application. Undefined if they are not known. */
  readonly commandLine: readonly string[] | undefined
  /** The environment with which it was started. Undefined if it is not known. */
  readonly startEnvironment: Environment | undefined
  /** What the thread says of both. */
  readonly execArgv: readonly string[]
  readonly environment: Environment
  readonly isMainThread: boolean
}

/** Read when the package is loaded: a later `process.title` overwrites the arguments. */
export const processStart: ProcessStart = {
  commandLine: parseCommandLine(readProc('cmdline')),
  startEnvironment: parseEnvironment(readProc('environ')),
  execArgv: [...process.execArgv],
  environment: {
    NODE_OPTIONS: process.env.NODE_OPTIONS,
    OPENSSL_CONF: process.env.OPENSSL_CONF,
    OPENSSL_ENGINES: process.env.OPENSSL_ENGINES,
    OPENSSL_MODULES: process.env.OPENSSL_MODULES,
  },
  isMainThread,
}

/**
 * Returns the arguments in `/proc/self/cmdline`, without the first one. Undefined if a `process.title` has overwritten them:
 * then there is one argument, or empty ones follow.
 */
export function parseCommandLine(text: string | undefined): string[] | undefined {
  const [, ...given] = text?.split('\0').slice(0, -1) ?? []
  return given.length === 0 || given.includes('') ? undefined : given
}

/** Returns the variables in `/proc/self/environ`. */
export function parseEnvironment(text: string | undefined): Environment | undefined {
  if (text === undefined) return undefined
  const pairs = text
    .split('\0')
    .filter(Boolean)
    .map(pair => {
      const end = pair.indexOf('=')
      return [pair.slice(0, end), pair.slice(end + 1)] as const
    })
  // The first one of a name counts.
  return Object.fromEntries(pairs.reverse())
}

function readProc(name: string): string | undefined {
  if (process.platform !== 'linux') return undefined
  try {
    return readFileSync(`/proc/self/${name}`, 'utf8')
  } catch {
    return undefined
  }
}

/** Options of Node.js whose value may be the next argument. */
const WITH_VALUE = /^--(?:openssl-config|security-revert|tls-cipher-list)$/

/** Returns the options with which the process was started, each with its value: those of the system, then of the thread. */
export function optionsOfStart(start: ProcessStart): { system: string[]; thread: string[] } {
  const { commandLine = [], startEnvironment, execArgv, environment } = start
  return {
    system: normalize([...splitOptions(startEnvironment), ...commandLine]),
    thread: normalize([...splitOptions(environment), ...execArgv]),
  }
}

function splitOptions(environment: Environment | undefined): string[] {
  return (environment?.NODE_OPTIONS ?? '').split(/\s+/).filter(Boolean)
}

/** Writes each option as `--name=value`, with hyphens in its name. */
function normalize(given: readonly string[]): string[] {
  return given.map((argument, index) => {
    const option = argument.replace(/^--[^=]*/, name => name.replaceAll('_', '-'))
    const value = given[index + 1]
    return WITH_VALUE.test(option) && value !== undefined ? `${option}=${value}` : option
  })
}

/** Options with which Node.js reads further ones from a file. */
const CONFIG_FILE = /^--(?:experimental-)?(?:default-)?config-file/

/** True if there may be options that {@link optionsOfStart} does not return. */
export function hasUnknownOptions(start: ProcessStart): boolean {
  const { commandLine, startEnvironment, environment } = start
  // Quotes and escapes follow the rules of Node.js.
  if ([startEnvironment, environment].some(each => /["\\]/.test(each?.NODE_OPTIONS ?? ''))) return true
  const { system, thread } = optionsOfStart(start)
  const all = [...system, ...thread]
  if (all.some(option => CONFIG_FILE.test(option))) return true
  // A worker may have been started without the options and the environment of the process.
  if (start.isMainThread) return false
  return commandLine === undefined || startEnvironment === undefined || all.some(isEnvFile)
}

function isEnvFile(option: string): boolean {
  return option.startsWith('--env-file')
}
