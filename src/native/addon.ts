import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { getEnvironmentData, setEnvironmentData } from 'node:worker_threads'
import { type CodedError, coded } from '../util/errors.js'
import * as log from '../util/log.js'
import type { Native } from './addon-api.js'
import { whyUnavailable } from './platform.js'

// A bundler that emits CommonJS provides no `import.meta.url`, but it provides `__filename`.
declare const __filename: string
const require = createRequire(import.meta.url ?? __filename)
const location = locate()

/** Returns the path of the loader that napi-rs generated. In a bundle it is found in the installed package. */
function locate(): string {
  try {
    return require.resolve('../binding/index.cjs')
  } catch (cause) {
    try {
      return join(dirname(require.resolve('tls-resumption/package.json')), 'dist', 'binding', 'index.cjs')
    } catch {
      throw addonUnavailable('a bundle of tls-resumption needs the package installed beside it', cause)
    }
  }
}

function addonUnavailable(reason: string, cause: unknown): CodedError {
  return coded(
    new Error(`The native addon of tls-resumption could not be loaded: ${reason}`, { cause }),
    'ERR_TLS_RESUMPTION_ADDON',
  )
}

function load(): Native {
  try {
    return require(location)
  } catch (cause) {
    throw addonUnavailable(whyUnavailable(cause), cause)
  }
}

/**
 * Warns if another copy of the package is loaded in the process: each copy has an addon, and so caches, of its own.
 * Environment data reaches workers that start later, and the global symbol reaches the other copy in this thread.
 */
function warnOfSecondCopy(): void {
  const symbol = Symbol.for('tls-resumption.location')
  const globals = globalThis as { [symbol]?: string }
  const first = globals[symbol] ?? getEnvironmentData('tls-resumption.location')
  if (typeof first !== 'string') {
    setEnvironmentData('tls-resumption.location', location)
  } else if (first !== location) {
    log.warn(
      'SECOND_COPY',
      'tls-resumption is loaded twice in this process, and the copies share no sessions',
      `first ${first}\nnow ${location}`,
    )
  }
  globals[symbol] ??= location
}

export const native: Native = load()
warnOfSecondCopy()
