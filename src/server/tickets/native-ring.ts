import { native } from '../../native/addon.js'
import { secretBytes } from '../../util/secret-bytes.js'
import { MAX_KEYS } from './ring-state.js'

/** Bytes of a key among others: its age in milliseconds, signed and little-endian, and the key. */
export const AGED_KEY_LENGTH = 56
/** Bytes of a key: name, HMAC key and AES key of 16 each. */
export const KEY_LENGTH = 48
const AGE_LENGTH = 8
/** Bytes of the name of a key. */
export const KEY_NAME_LENGTH = 16
/** How many times longer than `rotateEvery` a ring waits for the ring that it follows, if it never rotates itself. */
export const NEVER_ROTATES = 0xffffffff

/** The native ring behind a handle, and all its keys at once. */
export interface KeyRing {
  /** Lends the keys and their ages to `use`, the active one first, and wipes the memory afterwards. */
  lend<T>(use: (keys: Buffer) => T): T
  /**
   * Replaces all keys of a ring that follows another one. The ring makes no key itself until the active one is `patience`
   * times as old as `rotateEvery`. Returns why the keys were refused.
   */
  replace(keys: Uint8Array, patience?: number): string | null
  rotate(): void
  /** Inserts a key as the active one. Returns why it was refused. */
  insert(key: Uint8Array): string | null
  /** Returns a text that changes with each change of the keys. */
  state(): string
}

/** `handle` throws once the ring is closed. */
export function keyRing(handle: () => number): KeyRing {
  return {
    lend(use) {
      const keys = secretBytes(MAX_KEYS * AGED_KEY_LENGTH)
      try {
        return use(keys.subarray(0, native.ringExport(handle(), keys)))
      } finally {
        keys.fill(0)
      }
    },
    replace: (keys, patience = 2) => native.ringReplace(handle(), keys, patience),
    rotate: () => native.ringRotate(handle()),
    insert: key => native.ringInsert(handle(), key),
    state: () =>
      native
        .ringKeys(handle())
        .map(({ generation }) => generation)
        .join(),
  }
}

/** The entries among aged keys: parts of the same memory. */
export function entriesOf(keys: Buffer): Buffer[] {
  return Array.from({ length: keys.length / AGED_KEY_LENGTH }, (_, index) =>
    keys.subarray(index * AGED_KEY_LENGTH, (index + 1) * AGED_KEY_LENGTH),
  )
}

/** The name that tickets carry of the key of an entry. It is no secret. */
export function nameIn(entry: Buffer): string {
  return entry.toString('base64', AGE_LENGTH, AGE_LENGTH + KEY_NAME_LENGTH)
}

/** The key of an entry: a part of the same memory. */
export function keyIn(entry: Buffer): Buffer {
  return entry.subarray(AGE_LENGTH)
}

/** Writes a key that came `age` milliseconds ago into the memory of an entry. */
export function writeEntry(entry: Buffer, key: Uint8Array, age: number): void {
  entry.writeBigInt64LE(BigInt(Math.round(age)))
  entry.set(key, AGE_LENGTH)
}
