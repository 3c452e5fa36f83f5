import { randomUUID } from 'node:crypto'
import { isNodes, sourceOf } from '../node/builtin-functions.js'
import { sha256 } from '../util/digest.js'
import { LruMap } from '../util/lru-map.js'

/**
 * Tags for things that have no content to digest: functions and opaque contexts. A tag never means
 * anything in another thread, so that no two threads' objects can be taken for one.
 */
const thread = randomUUID()
const tags = new WeakMap<object, string>()
let count = 0

/** The tag of an object: the same for the same object, and never that of another one. */
export function tagOf(object: object): string {
  let tag = tags.get(object)
  if (tag === undefined) {
    tag = `${thread}/${++count}`
    tags.set(object, tag)
  }
  return tag
}

const sources = new LruMap<string, true>(1000)

/**
 * The tag of a callback, or undefined where it looks as if written inline: a function object seen for
 * the first time, of a source text seen before. Such a callback is likely new at every call, and
 * what is cached under its tag would never be found again. Seen once more, it gets its tag.
 */
export function tagOfCallback(callback: object): string | undefined {
  if (tags.has(callback)) return tagOf(callback)
  const source = sha256(sourceOf(callback))
  const isInline = sources.get(source) !== undefined
  sources.set(source, true)
  const tag = tagOf(callback)
  return isInline ? undefined : tag
}

const originals = new WeakMap<object, object>()

/** Lets a function of ours that does the same as `original` count as that one. */
export function standIn(ours: object, original: object): void {
  originals.set(ours, original)
}

/**
 * A way to tell one of Node's own functions, which is the same in every thread, from whatever replaces
 * it, now or before this module was loaded: that is known by its tag, in this thread alone.
 */
export function recognise(original: object): (current: object) => string {
  const known = isNodes(original) ? `builtin/${sha256(sourceOf(original))}` : tagOf(original)
  return current => {
    const behind = originals.get(current) ?? current
    return behind === original ? known : tagOf(behind)
  }
}
