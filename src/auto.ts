/**
 * `node --import tls-resumption/auto app.js`: every `tls.connect` of the process resumes, as after `install()`.
 *
 * It never stops a program: where the addon cannot be loaded it says so once and leaves TLS as it is, and with
 * `TLS_RESUMPTION=off` it loads nothing at all.
 *
 * @packageDocumentation
 * @module tls-resumption/auto
 */
import { createRequire } from 'node:module'
import { getEnvironmentData, setEnvironmentData } from 'node:worker_threads'

const WARNED = 'tls-resumption.auto.warned'

if (process.env.TLS_RESUMPTION?.trim().toLowerCase() !== 'off') {
  try {
    // Not imported, so that a failure can be caught; nor awaited, so that this can be required, too.
    const { installFromEnvironment } = createRequire(import.meta.url)('./auto/environment.js')
    installFromEnvironment(process.env)
  } catch (error) {
    // Threads that are started later need not say it again.
    if (getEnvironmentData(WARNED) === undefined) {
      setEnvironmentData(WARNED, true)
      process.emitWarning(`TLS connections do not resume: ${(error as Error).message}`, {
        type: 'TlsResumptionWarning',
        code: 'TLS_RESUMPTION_AUTO',
      })
    }
  }
}
