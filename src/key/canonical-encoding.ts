import { types } from 'node:util'
import { sha256 } from '../util/digest.js'

/** Thrown for an object that cannot be encoded, because its content is not known or could change unnoticed. */
export class OpaqueValue extends Error {}

const MAX_DEPTH = 4

/**
 * Encodes a value as text, so that no two different values give the same text. Text and bytes count by their content.
 * The result can contain secrets: digest it.
 *
 * @throws {@link OpaqueValue} for functions and symbols, and for objects other than arrays, bytes and plain objects.
 */
export function encode(value: unknown, depth = 0): string {
  switch (typeof value) {
    case 'string':
      // JSON escapes lone surrogates, which would all be the same in UTF-8.
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

/** True if an object has nothing but enumerable properties of its own. */
function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return false
  return Reflect.ownKeys(value).every(
    key => typeof key === 'string' && Object.prototype.propertyIsEnumerable.call(value, key),
  )
}
