import { hash } from 'node:crypto'

/** Returns the SHA-256 digest of text or bytes as 43 characters of base64url. */
export function sha256(data: string | Uint8Array): string {
  return hash('sha256', data, 'base64url')
}
