/** Sealing of data that leaves the process. */
import { createHmac, createSecretKey, hkdfSync, KeyObject, randomBytes } from 'node:crypto'
import { types } from 'node:util'
import { AEAD_KEY_LENGTH, AEAD_NONCE_LENGTH, AEAD_TAG_LENGTH, aeadOpen, aeadSeal } from '../native/aead.js'
import { invalidSecretType } from '../util/errors.js'
import { sealingKeyRefused } from './errors.js'

/** A sealing key: 32 random bytes. */
export type SealingKey = Uint8Array | KeyObject

/** The kind and the key of a record. A sealed blob is bound to both: it cannot be opened as anything else. */
export interface RecordLocation {
  kind: 'session' | 'ring' | 'generation'
  key: Uint8Array
}

const KEY_LENGTH = 32
const VERSION = 1
const ID_LENGTH = 8
const SALT_LENGTH = 32
const HEADER_LENGTH = 1 + ID_LENGTH
const OVERHEAD = HEADER_LENGTH + SALT_LENGTH + AEAD_TAG_LENGTH
const NAME_LENGTH = 24

/** The keys derived from a given one. None of them reveals another (RFC 5869). */
interface Derived {
  id: Buffer
  sealing: KeyObject
  naming: KeyObject
}

/**
 * AES-256-GCM (NIST SP 800-38D) under keys of which the first seals and all open.
 *
 * A blob is `version (1) | key id (8) | salt (32) | ciphertext | tag (16)`. Each blob has a key and a nonce of its own,
 * derived by HKDF-SHA-256 from the sealing key and the random salt. With random nonces under one key the bound would be
 * 2^32 blobs (section 8.3), a few days of a busy fleet. Two equal salts of 256 bits never occur. Version, kind and key of
 * the record location are authenticated.
 */
export class SealingKeys {
  readonly #keys: readonly Derived[]

  /**
   * @throws `ERR_INVALID_ARG_TYPE` for anything but a list of 32-byte keys, `ERR_TLS_RESUMPTION_SEALING_KEY` for a key
   * that repeats one byte, or that is listed twice.
   */
  constructor(keys: unknown) {
    if (!Array.isArray(keys) || keys.length === 0) {
      throw invalidSecretType('"keys" option', 'a list of keys, the one that seals first', keys)
    }
    this.#keys = keys.map((key, index) => derive(check(key, index)))
    const ids = this.#keys.map(({ id }) => id.toString('hex'))
    if (new Set(ids).size < ids.length) throw sealingKeyRefused('it is listed twice')
  }

  /** Returns the names of a location under each key, in their order. A name reveals nothing about the location. */
  namesOf(location: RecordLocation): string[] {
    return this.#keys.map(({ naming }) =>
      createHmac('sha256', naming)
        .update(`${location.kind}\0`)
        .update(location.key)
        .digest()
        .toString('base64url', 0, NAME_LENGTH),
    )
  }

  /** Seals with the first key. */
  seal(location: RecordLocation, secret: Uint8Array): Buffer {
    return sealWith(this.#keys[0] as Derived, location, secret)
  }

  /** Seals with each key, in their order. */
  sealWithEach(location: RecordLocation, secret: Uint8Array): Buffer[] {
    return this.#keys.map(key => sealWith(key, location, secret))
  }

  /** Returns what was sealed for that location, in memory that the caller wipes; undefined for anything else. */
  open(location: RecordLocation, blob: Uint8Array): Buffer | undefined {
    if (blob.length < OVERHEAD || blob[0] !== VERSION) return undefined
    const bytes = Buffer.from(blob.buffer, blob.byteOffset, blob.length)
    const found = this.#find(bytes)
    if (found === undefined) return undefined
    const salt = bytes.subarray(HEADER_LENGTH, HEADER_LENGTH + SALT_LENGTH)
    const body = bytes.subarray(HEADER_LENGTH + SALT_LENGTH)
    return withKeyOf(found.sealing, salt, (key, nonce) => aeadOpen(key, nonce, boundTo(location), body))
  }

  #find(blob: Buffer): Derived | undefined {
    const id = blob.subarray(1, HEADER_LENGTH)
    return this.#keys.find(key => key.id.equals(id))
  }
}

function sealWith({ id, sealing }: Derived, location: RecordLocation, secret: Uint8Array): Buffer {
  const salt = randomBytes(SALT_LENGTH)
  const body = withKeyOf(sealing, salt, (key, nonce) => aeadSeal(key, nonce, boundTo(location), secret))
  return Buffer.concat([Buffer.of(VERSION), id, salt, body])
}

function boundTo({ kind, key }: RecordLocation): Buffer {
  // @guard sealed-location › sealing › open: a blob opens only at its record location ⇒ `), key])` becomes `)])`
  return Buffer.concat([Buffer.from(`tls-resumption ${VERSION} ${kind}\0`), key])
}

/** Lends key and nonce of a blob to `use`, and wipes them. */
function withKeyOf<T>(sealing: KeyObject, salt: Uint8Array, use: (key: Buffer, nonce: Buffer) => T): T {
  const bytes = Buffer.from(hkdfSync('sha256', sealing, salt, 'blob', AEAD_KEY_LENGTH + AEAD_NONCE_LENGTH))
  try {
    return use(bytes.subarray(0, AEAD_KEY_LENGTH), bytes.subarray(AEAD_KEY_LENGTH))
  } finally {
    bytes.fill(0)
  }
}

function derive(key: KeyObject): Derived {
  const part = (info: string, length: number) =>
    Buffer.from(hkdfSync('sha256', key, 'tls-resumption', info, length))
  const secret = (info: string) => {
    const bytes = part(info, KEY_LENGTH)
    const made = createSecretKey(bytes)
    bytes.fill(0)
    return made
  }
  return { id: part('id', ID_LENGTH), sealing: secret('sealing'), naming: secret('naming') }
}

function check(key: unknown, index: number): KeyObject {
  const name = `key ${index} of the "keys" option`
  if (types.isUint8Array(key) && key.length === KEY_LENGTH) {
    // @guard sealed-location › sealing › keys: * is rejected without being shown
    if (key.every(byte => byte === key[0])) throw sealingKeyRefused('it is not random')
    return createSecretKey(key)
  }
  if (key instanceof KeyObject && key.type === 'secret' && key.symmetricKeySize === KEY_LENGTH) {
    const bytes = key.export()
    const isRandom = bytes.some(byte => byte !== bytes[0])
    bytes.fill(0)
    if (!isRandom) throw sealingKeyRefused('it is not random')
    return key
  }
  throw invalidSecretType(name, `${KEY_LENGTH} random bytes, or a secret KeyObject of as many`, key)
}
