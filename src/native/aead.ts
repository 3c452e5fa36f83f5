/**
 * AES-256-GCM (NIST SP 800-38D) by the addon. The ciphers of Node.js return the plaintext in memory that they
 * reallocate, so that copies of it stay in freed memory.
 */
import { secretBytes } from '../util/secret-bytes.js'
import { native } from './addon.js'

/** Bytes of a key. */
export const AEAD_KEY_LENGTH = 32
/** Bytes of a nonce. No two secrets under one key have the same one. */
export const AEAD_NONCE_LENGTH = 12
/** By how many bytes a sealed secret is longer than the secret. */
export const AEAD_TAG_LENGTH = 16

/** Seals a secret. `boundTo` is authenticated with it. Returns ciphertext and tag. */
export function aeadSeal(
  key: Uint8Array,
  nonce: Uint8Array,
  boundTo: Uint8Array,
  secret: Uint8Array,
): Buffer {
  const sealed = Buffer.allocUnsafeSlow(secret.length + AEAD_TAG_LENGTH)
  native.aeadSeal(key, nonce, boundTo, secret, sealed)
  return sealed
}

/** Opens ciphertext and tag. Returns undefined if they were not sealed like that. The caller wipes the secret. */
export function aeadOpen(
  key: Uint8Array,
  nonce: Uint8Array,
  boundTo: Uint8Array,
  sealed: Uint8Array,
): Buffer | undefined {
  if (sealed.length < AEAD_TAG_LENGTH) return undefined
  const secret = secretBytes(sealed.length - AEAD_TAG_LENGTH)
  return native.aeadOpen(key, nonce, boundTo, sealed, secret) ? secret : undefined
}
