interface NodeError {
  code?: unknown
  library?: unknown
  syscall?: unknown
}

/** True if the TLS library reported it: the peer sent an alert, or something that is not TLS. */
export function isHandshakeAlert(error: unknown): boolean {
  const { code, library } = (error ?? {}) as NodeError
  return (
    library === 'SSL routines' ||
    code === 'EPROTO' ||
    (typeof code === 'string' && code.startsWith('ERR_SSL_'))
  )
}

/** True if the transport failed: the peer reset or closed it, or the network did. */
export function isTransportError(error: unknown): boolean {
  const { code, syscall } = (error ?? {}) as NodeError
  return (syscall !== undefined || code === 'ECONNRESET') && !isHandshakeAlert(error)
}
