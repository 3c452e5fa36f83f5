import { hash } from 'node:crypto'

/** Returns the SHA-256 digest in base64url. */
export function sha256(data: string | Uint8Array): string {
  return hash('sha256', data, 'base64url')
}

/** Returns true for objects and functions: their content can change while their identity stays. */
export function isObject(value: unknown): boolean {
  return typeof value === 'object' ? value !== null : typeof value === 'function'
}

/** Returns true if both lists hold identical values in the same order. */
export function isSame(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((value, index) => value === b[index])
}
