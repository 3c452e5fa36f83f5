import { randomUUID } from 'node:crypto'
import { sha256 } from './digest.js'

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

const sources = new Set<string>()
const MAX_SOURCES = 1000

/**
 * The tag of a callback, or undefined where it looks as if written inline: a function object seen for
 * the first time, of a source text seen before. Such a callback is likely new at every call, and
 * what is cached under its tag would never be found again. Seen once more, it gets its tag.
 */
export function tagOfCallback(callback: object): string | undefined {
  if (tags.has(callback)) return tagOf(callback)
  const source = sha256(String(callback))
  const inline = sources.has(source)
  if (sources.size >= MAX_SOURCES) sources.clear()
  sources.add(source)
  const tag = tagOf(callback)
  return inline ? undefined : tag
}

/**
 * A way to tell one of Node's own functions from whatever replaces it. What stands there as this
 * module loads is known by its source text, the same in every thread; a replacement by its tag.
 */
export function recognise(builtin: object): (current: object) => string {
  const text = String(builtin)
  // Every bound function has this text, so it identifies nothing.
  const known = text.includes('[native code]') ? tagOf(builtin) : `builtin/${sha256(text)}`
  return current => (current === builtin ? known : tagOf(current))
}
