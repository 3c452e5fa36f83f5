import tls from 'node:tls'
import { identifyBuiltin } from '../key/function-identity.js'

const identifyConnect = identifyBuiltin(tls.connect, 1)

/**
 * True if this `tls.connect` is Node's own, or that of `install()` around it. A wrapper of another package may change the
 * options after the session key was derived from them. It may also add a `ca`, which a given context would hide.
 */
export function isBuiltinConnect(connect: typeof tls.connect): boolean {
  return identifyConnect(connect).startsWith('builtin/')
}
