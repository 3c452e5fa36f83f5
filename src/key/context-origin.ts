/**
 * Knows which options a SecureContext was made from. Some drivers make a context for each connection: without its
 * origin, none of their connections would find a session.
 */
import type tls from 'node:tls'
import { types } from 'node:util'
import { watchMethods } from '../node/patch.js'
import { CONTEXT_OPTIONS, contextDigest } from './context-digest.js'
import { identityToken, treatAs } from './function-identity.js'

/** What was seen of a native context, which is what verifies, since the first one was seen. */
interface Watched {
  readonly native: object
  /** The digest of the options that it was made from. */
  origin: string | undefined
  /** How often it was changed. */
  changes: number
  /** What stands for it in session keys until it is changed: a text that is made once is compared faster. */
  token?: string | undefined
  /** The CRLs that were added to it. */
  crls: readonly unknown[]
}

const watched = new WeakMap<object, Watched>()

/**
 * Returns the representation of a context in a session key. It is the digest of its options, if its creation was observed and
 * it was not changed since. Otherwise it is an identity token, which differs after each change and after a replacement of its
 * native part. Undefined for an object that has no native part, whose changes would not be noticed.
 */
export function identifyContext(context: object): string | undefined {
  const seen = watchContext(context)
  if (seen === undefined || seen.origin !== undefined) return seen?.origin
  // @guard changed-context › key-inputs › two functions, or two contexts, are never one
  //   ⇒ `${identityToken(seen.native)}/` becomes `a context/`
  seen.token ??= `${identityToken(seen.native)}/${seen.changes}`
  return seen.token
}

/** Returns a function that is true until the context is changed. */
export function watchForChanges(context: object | undefined): () => boolean {
  const seen = context && watchContext(context)
  const before = seen?.changes
  // @guard changed-context › changed-while-connecting › *: a connection whose context is changed *
  //   ⇒ `seen?.changes === before` becomes `true`
  return () => seen?.changes === before
}

/** Returns how often a context was changed since the first call for any context. */
export function contextChanges(context: object): number {
  return watchContext(context)?.changes ?? 0
}

/** Returns the CRLs of a context, as its options or `addCRL` gave them, as far as that was seen. */
export function crlsOfContext(context: object): readonly unknown[] {
  return watchContext(context)?.crls ?? []
}

/** Notices each change of the context from now on, and of all others. Returns what was seen of its native part. */
function watchContext(context: object): Watched | undefined {
  const { context: native } = context as { context?: unknown }
  if (typeof native !== 'object' || native === null) return undefined
  const seen = watched.get(native)
  if (seen !== undefined) return seen
  // @guard changed-context › context-origin › *: connect() notices a changed context when nothing was ever
  //   installed
  // @guard changed-context › context-origin › *: install() notices a changed context that was made before it
  watchMethods(native, recordChange)
  return firstSeen(native)
}

function firstSeen(native: object): Watched {
  const seen: Watched = { native, origin: undefined, changes: 0, token: undefined, crls: [] }
  watched.set(native, seen)
  return seen
}

function recordChange(native: object, method: string, [crl]: readonly unknown[]): void {
  const seen = watched.get(native) ?? firstSeen(native)
  if (method === 'addCRL') seen.crls = [...seen.crls, crl]
  // @guard changed-context › install › a peer met with a changed context does not authorize without it
  seen.origin = undefined
  // @guard changed-context › install › each change of a context makes it another one
  seen.token = undefined
  // @guard changed-context › install › each change of a context makes it another one
  seen.changes++
}

/** Wraps `tls.createSecureContext`, so that the origin of what it makes is known. */
export function rememberContexts(original: typeof tls.createSecureContext): typeof tls.createSecureContext {
  const createSecureContext = function (this: unknown, ...args: [tls.SecureContextOptions?]) {
    const digest = digestOptions(args[0])
    const context: tls.SecureContext = Reflect.apply(original, this, args)
    const seen = watchContext(context)
    if (seen && digest !== undefined) seen.origin = digest
    return context
  }
  treatAs(createSecureContext, original)
  return createSecureContext
}

function digestOptions(options: tls.SecureContextOptions | undefined): string | undefined {
  try {
    const values = readOptions(options ?? {})
    // @guard changed-context › install › a peer met with an inherited CA does not authorize without it
    //   ⇒ `return values && contextDigest(values)` becomes `return contextDigest({ ...options })`
    return values && contextDigest(values)
  } catch {
    return undefined
  }
}

/**
 * Returns the options as Node reads them, inherited ones included. Undefined if a getter or a Proxy computes one: it
 * could return another value to Node.
 */
function readOptions(options: object): Record<string, unknown> | undefined {
  const values: Record<string, unknown> = {}
  for (const option of CONTEXT_OPTIONS) {
    let holder: object | null = options
    while (holder !== null && !types.isProxy(holder) && !Object.hasOwn(holder, option)) {
      holder = Object.getPrototypeOf(holder)
    }
    if (holder === null) continue
    const descriptor = types.isProxy(holder) ? undefined : Object.getOwnPropertyDescriptor(holder, option)
    if (descriptor === undefined || !('value' in descriptor)) return undefined
    values[option] = descriptor.value
  }
  return values
}
