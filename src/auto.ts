/**
 * `node --import tls-resumption/auto app.js`: every `tls.connect` of the process resumes, as after `install()`.
 *
 * It never stops a program. Where the addon cannot be loaded, or the runtime is not supported, it warns once and leaves
 * TLS as it is. With `TLS_RESUMPTION=off` it does nothing at all.
 *
 * @packageDocumentation
 * @module tls-resumption/auto
 */
import loader from './auto/load-environment.cjs'
import { isSwitchedOff, readEnvironment } from './auto/variables.js'
import { unsupportedRuntime } from './node/runtime.js'
import { warnOnce } from './util/log.js'

const environment = readEnvironment()
if (!isSwitchedOff(environment)) {
  try {
    const runtime = unsupportedRuntime()
    if (runtime !== undefined) throw new Error(`This is ${runtime}`)
    // Within `try`, and not awaited, so that this file can be required, too.
    loader.loadEnvironment().installFromEnvironment(environment)
  } catch (error) {
    warnOnce('AUTO', `TLS connections do not resume: ${(error as Error).message}`)
  }
}
