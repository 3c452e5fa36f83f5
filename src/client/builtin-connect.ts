import tls from 'node:tls'
import { recognizeBuiltin } from '../key/function-identity.js'

/**
 * True if this `tls.connect` is Node's own, or that of `install()` around it. A wrapper of another package may change the
 * options after the session key was derived from them. It may also add a `ca`, which a given context would hide.
 */
export const isBuiltinConnect: (connect: typeof tls.connect) => boolean = recognizeBuiltin(tls.connect, 1)
