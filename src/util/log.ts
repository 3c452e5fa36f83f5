import { debuglog } from 'node:util'

/** Emits a process warning of this package. `code` is the part after `TLS_RESUMPTION_`. */
export function warn(code: string, message: string, detail?: string): void {
  process.emitWarning(message, {
    type: 'TlsResumptionWarning',
    code: `TLS_RESUMPTION_${code}`,
    ...(detail !== undefined && { detail }),
  })
}

/** Emits a warning unless this thread has emitted it before, or a thread that has started it, directly or not. */
export function warnOnce(code: string, message: string): void {
  // Not imported: a process that starts should not pay for a module that few of them need.
  const { getEnvironmentData, setEnvironmentData } = process.getBuiltinModule('node:worker_threads')
  const key = `tls-resumption.warned: ${code} ${message}`
  if (getEnvironmentData(key) !== undefined) return
  setEnvironmentData(key, true)
  warn(code, message)
}

const debugLog = debuglog('tls-resumption')

/** True if `NODE_DEBUG` contains `tls-resumption`. To be asked before a message is made. */
export const isDebugging: boolean = debugLog.enabled

/** Writes a line to stderr if `NODE_DEBUG` contains `tls-resumption`. It must not contain a secret. */
export function debug(format: string, ...values: unknown[]): void {
  debugLog(format, ...values)
}
