/**
 * What SecureContexts were made from: an application that makes one for each connection, as some drivers do, would
 * otherwise never meet a session again.
 */
import type tls from 'node:tls'
import { types } from 'node:util'
import { CONTEXT_OPTIONS, contextDigest } from './context-digest.js'
import { identityToken, treatAs } from './function-identity.js'

/** By the context's native part, which is what verifies; an application may put another one in its place. */
const made = new WeakMap<object, string>()

/** The digest of what a context was made from, if it was made where we saw it and nobody has changed it since. */
export function digestOfContext(context: object): string | undefined {
  const native = nativeOf(context)
  return native && made.get(native)
}

/** How often a context was changed, as far as we saw. */
const changes = new WeakMap<object, number>()

/** The tag of a context: another one after each change that we saw, and after its native part was replaced. */
export function tagOfContext(context: object): string {
  const native = nativeOf(context) ?? context
  return `${identityToken(native)}/${changes.get(native) ?? 0}`
}

function nativeOf(context: object): object | undefined {
  const { context: native } = context as { context?: unknown }
  return typeof native === 'object' && native !== null ? native : undefined
}

/** Wraps `tls.createSecureContext`, so that what it makes is remembered. */
export function rememberContexts(original: typeof tls.createSecureContext): typeof tls.createSecureContext {
  const createSecureContext = function (this: unknown, ...args: [tls.SecureContextOptions?]) {
    const digest = digestBefore(args[0])
    const context: tls.SecureContext = Reflect.apply(original, this, args)
    const native = nativeOf(context)
    if (native) watch(Object.getPrototypeOf(native))
    if (native && digest !== undefined) made.set(native, digest)
    return context
  }
  treatAs(createSecureContext, original)
  return createSecureContext
}

function digestBefore(options: tls.SecureContextOptions | undefined): string | undefined {
  try {
    const read = readOf(options ?? {})
    return read && contextDigest(read)
  } catch {
    return undefined
  }
}

/**
 * The options as Node reads them, inherited ones, too; undefined where something computes them, that could tell Node
 * another thing.
 */
function readOf(options: object): Record<string, unknown> | undefined {
  const read: Record<string, unknown> = {}
  for (const option of CONTEXT_OPTIONS) {
    let holder: object | null = options
    while (holder !== null && !types.isProxy(holder) && !Object.hasOwn(holder, option)) {
      holder = Object.getPrototypeOf(holder)
    }
    if (holder === null) continue
    const descriptor = types.isProxy(holder) ? undefined : Object.getOwnPropertyDescriptor(holder, option)
    if (descriptor === undefined || !('value' in descriptor)) return undefined
    read[option] = descriptor.value
  }
  return read
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
      changes.set(this, (changes.get(this) ?? 0) + 1)
      return Reflect.apply(method, this, args)
    }
    Object.defineProperty(changing, 'name', { value: name, configurable: true })
    Object.defineProperty(prototype, name, { ...descriptor, value: changing })
  }
}
