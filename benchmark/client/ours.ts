import { connect, SessionCache } from 'tls-resumption'
import type { Mode } from './modes.ts'

export function ours(): Mode {
  const sessionCache = new SessionCache()
  return { name: 'tls-resumption', connect: options => connect({ ...options, sessionCache }) }
}

/** The same, where the application gives `ca`, `cert` and `key` as Buffers: their bytes are compared each time. */
export function oursFromBuffers(): Mode {
  const { name, connect } = ours()
  const buffers = new Map<unknown, Buffer>()
  const toBuffer = (text: unknown) => {
    const buffer = buffers.get(text) ?? Buffer.from(String(text))
    buffers.set(text, buffer)
    return buffer
  }
  return {
    name: `${name}, from Buffers`,
    connect: ({ ca, cert, key, ...options }) =>
      connect({
        ...options,
        ca: toBuffer(ca),
        ...(cert && key && { cert: toBuffer(cert), key: toBuffer(key) }),
      }),
  }
}

/** Each burst has an empty cache of its own. */
export function bursting(coalesce: boolean): Mode {
  const sessionCache = new SessionCache()
  const name = coalesce ? 'tls-resumption' : 'tls-resumption, coalesce: false'
  return { name, connect: options => connect({ ...options, sessionCache, coalesce }) }
}
