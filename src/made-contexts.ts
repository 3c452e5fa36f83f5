/**
 * What SecureContexts were made from: an application that makes one for each connection, as some drivers do, would
 * otherwise never meet a session again.
 */
import type tls from 'node:tls'
import { contextDigest } from './context-digest.js'
import { standIn } from './identity.js'

/** By the context's native part, which is what verifies; an application may put another one in its place. */
const made = new WeakMap<object, string>()

/** The digest of what a context was made from, if it was made where we saw it and nobody has changed it since. */
export function digestOfContext(context: object): string | undefined {
  const { context: native } = context as { context?: unknown }
  return typeof native === 'object' && native !== null ? made.get(native) : undefined
}

/** Wraps `tls.createSecureContext`, so that what it makes is remembered. */
export function rememberContexts(original: typeof tls.createSecureContext): typeof tls.createSecureContext {
  const createSecureContext = (options?: tls.SecureContextOptions): tls.SecureContext => {
    const digest = digestBefore(options)
    const context = original(options)
    const native: unknown = (context as { context?: unknown }).context
    if (digest !== undefined && typeof native === 'object' && native !== null) {
      watch(Object.getPrototypeOf(native))
      made.set(native, digest)
    }
    return context
  }
  standIn(createSecureContext, original)
  return createSecureContext
}

function digestBefore(options: tls.SecureContextOptions | undefined): string | undefined {
  try {
    return contextDigest({ ...options })
  } catch {
    return undefined
  }
}

const watched = new WeakSet<object>()

/** Forgets a context as soon as anybody changes it, by whatever method: each but those that only read. */
function watch(prototype: object): void {
  if (watched.has(prototype)) return
  watched.add(prototype)
  for (const [name, descriptor] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
    const { value: method } = descriptor
    if (typeof method !== 'function' || name === 'constructor' || name.startsWith('get')) continue
    const changing = function (this: object, ...args: unknown[]): unknown {
      made.delete(this)
      return Reflect.apply(method, this, args)
    }
    Object.defineProperty(changing, 'name', { value: name, configurable: true })
    Object.defineProperty(prototype, name, { ...descriptor, value: changing })
  }
}
