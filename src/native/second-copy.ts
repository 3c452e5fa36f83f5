import { getEnvironmentData, setEnvironmentData } from 'node:worker_threads'
import { warn } from '../util/log.js'
import loaded from './load-addon.cjs'

/**
 * Warns if another copy of the package is loaded in the process: each copy has an addon, and so caches, of its own.
 * Environment data reaches workers that start later, and the global symbol reaches the other copy in this thread.
 */
function warnOfSecondCopy({ location }: { location: string }): void {
  const symbol = Symbol.for('tls-resumption.location')
  const globals = globalThis as { [symbol]?: string }
  const first = globals[symbol] ?? getEnvironmentData('tls-resumption.location')
  if (typeof first !== 'string') {
    setEnvironmentData('tls-resumption.location', location)
  } else if (first !== location) {
    warn(
      'SECOND_COPY',
      'tls-resumption is loaded twice in this process, and the copies share no sessions',
      `first ${first}\nnow ${location}`,
    )
  }
  globals[symbol] ??= location
}

// When this is loaded, with the first connection or server. Nothing else in the process has to know of it.
warnOfSecondCopy(loaded)
