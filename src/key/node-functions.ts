/**
 * Node's own functions that decide trust. They are recognized when `install()` is loaded, not with the first connection:
 * by then a program may have replaced one for a while.
 */
import tls from 'node:tls'
import { identifyBuiltin, recognizeBuiltin } from './function-identity.js'

/** True for Node's own `tls.createSecureContext`, and for that of `install()` around it. */
export const isBuiltinCreator: (now: object) => boolean = recognizeBuiltin(tls.createSecureContext)

/** Identifies `tls.checkServerIdentity`, or what has replaced it. */
export const identifyDefaultCheck: (now: object) => string = identifyBuiltin(tls.checkServerIdentity)
