import { types } from 'node:util'
import { sha256 } from './digest.js'
import { tagOf } from './identity.js'

const MAX_DEPTH = 3

/**
 * Writes an option's value out so that no two different values give the same text: what is text or
 * bytes by its content, what is neither by the object's identity. The result can hold secrets; it
 * is for digesting.
 */
export function encode(value: unknown, depth = 0): string {
  switch (typeof value) {
    case 'string':
      return `s${value.length}:${value}`
    case 'function':
      return `i:${tagOf(value)}`
    case 'object':
      return value === null ? 'null' : encodeObject(value, depth)
    default:
      return `${typeof value}:${String(value)}`
  }
}

function encodeObject(value: object, depth: number): string {
  if (ArrayBuffer.isView(value)) {
    return `b:${sha256(new Uint8Array(value.buffer, value.byteOffset, value.byteLength))}`
  }
  if (types.isAnyArrayBuffer(value)) return `b:${sha256(new Uint8Array(value))}`
  if (depth < MAX_DEPTH && Array.isArray(value)) {
    return `a${value.length}[${value.map(item => encode(item, depth + 1)).join()}]`
  }
  if (depth < MAX_DEPTH && isPlain(value)) {
    const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
    return `o${entries.length}{${entries.map(([key, item]) => encode(key) + encode(item, depth + 1)).join()}}`
  }
  return `i:${tagOf(value)}`
}

function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}
