import { types } from 'node:util'
import { sha256 } from '../util/digest.js'

/** An object that cannot be written out: what it stands for could change without it. */
export class OpaqueValue extends Error {}

const MAX_DEPTH = 4

/**
 * Writes a value out so that no two different ones give the same text: text and bytes by their content.
 * The result can hold secrets; it is for digesting.
 *
 * @throws {@link OpaqueValue} for functions and objects of other kinds than arrays, bytes and plain ones.
 */
export function encode(value: unknown, depth = 0): string {
  switch (typeof value) {
    case 'string':
      // JSON escapes what UTF-8 could not tell apart: lone surrogates.
      return JSON.stringify(value)
    case 'object':
      return value === null ? 'null' : encodeObject(value, depth)
    case 'function':
    case 'symbol':
      throw new OpaqueValue()
    default:
      return `${typeof value}:${String(value)}`
  }
}

function encodeObject(value: object, depth: number): string {
  if (ArrayBuffer.isView(value)) {
    return `bytes:${sha256(new Uint8Array(value.buffer, value.byteOffset, value.byteLength))}`
  }
  if (types.isAnyArrayBuffer(value)) return `bytes:${sha256(new Uint8Array(value))}`
  if (depth < MAX_DEPTH && Array.isArray(value)) {
    return `[${value.map(item => encode(item, depth + 1)).join()}]`
  }
  // @guard changed-context › shared-contexts › an object that could change unseen is neither cacheable nor
  //   shared
  //   ⇒ without `&& isPlain(value)`
  if (depth < MAX_DEPTH && isPlain(value)) {
    const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
    return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${encode(item, depth + 1)}`).join()}}`
  }
  throw new OpaqueValue()
}

/** Own properties that are enumerable are then all there is to it. */
function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return false
  return Reflect.ownKeys(value).every(
    key => typeof key === 'string' && Object.prototype.propertyIsEnumerable.call(value, key),
  )
}
