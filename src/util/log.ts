/** Emits a process warning of this package. `code` is the part after `TLS_RESUMPTION_`. */
export function warn(code: string, message: string, detail?: string): void {
  process.emitWarning(message, {
    type: 'TlsResumptionWarning',
    code: `TLS_RESUMPTION_${code}`,
    ...(detail !== undefined && { detail }),
  })
}
