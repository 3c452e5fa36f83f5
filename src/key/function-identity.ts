import { randomUUID } from 'node:crypto'
import { isBuiltin, sourceText } from '../node/builtin-functions.js'
import { sha256 } from '../util/digest.js'
import { LruMap } from '../util/lru-map.js'

/** Identity tokens begin with it, so that no two threads' objects have one token. */
const thread = randomUUID()
const tokens = new WeakMap<object, string>()
let count = 0

/**
 * Returns the identity token of an object that has no content to digest, such as a function. An object always has the same
 * token, and no other object has it.
 */
export function identityToken(object: object): string {
  let token = tokens.get(object)
  if (token === undefined) {
    // @guard check-server-identity › function-identity › the first function of one thread*
    //   ⇒ ``${thread}/${++count}`` becomes ``${++count}``
    token = `${thread}/${++count}`
    tokens.set(object, token)
  }
  return token
}

/** True if the token is that of an object of this thread. */
export function isIdentityToken(token: string): boolean {
  return token.startsWith(`${thread}/`)
}

const seenSources = new LruMap<string, true>(1000)

/**
 * Returns the identity token of a callback, or undefined if it seems to be written inline: a function seen for the first
 * time whose source text was seen before. It is probably a new function at each call, so no later connection would
 * find a session under its token. If it is seen once more, it gets its token.
 */
export function callbackToken(callback: object): string | undefined {
  if (tokens.has(callback)) return identityToken(callback)
  const source = sha256(sourceText(callback))
  const isInline = seenSources.get(source) !== undefined
  seenSources.set(source, true)
  const token = identityToken(callback)
  // @guard check-server-identity › key-inputs › a checkServerIdentity written inline, new at each call, makes
  //   the connection not cacheable
  //   ⇒ if false
  return isInline ? undefined : token
}

const originals = new WeakMap<object, object>()

/** Treats a wrapper of this package, which does the same as `original`, as `original` from now on. */
export function treatAs(wrapper: object, original: object): void {
  originals.set(wrapper, original)
}

/** Returns a predicate that is true for one of Node's own functions, and for a wrapper of this package around it. */
export function recognizeBuiltin(current: object, argumentCount?: number): (now: object) => boolean {
  // A wrapper of this package would load what is being loaded.
  const original = originals.get(current) ?? current
  const isOwn = isBuiltin(original, argumentCount)
  return now => isOwn && (originals.get(now) ?? now) === original
}

/**
 * Returns a function that identifies one of Node's own functions, or what has replaced it. Node's own has a token that is
 * the same in every thread and begins with `builtin/`. A replacement, also one from before this module was loaded, has
 * its identity token.
 */
export function identifyBuiltin(current: object): (now: object) => string {
  const isOriginal = recognizeBuiltin(current)
  let token: string | undefined
  return now => {
    const target = originals.get(now) ?? now
    // @guard check-server-identity › function-identity › builtins: a replacement of a function of Node has its
    //   identity token
    //   ⇒ `if (!isOriginal(now)) return identityToken(target)` becomes `{}`
    if (!isOriginal(now)) return identityToken(target)
    token ??= `builtin/${sha256(sourceText(target))}`
    return token
  }
}
