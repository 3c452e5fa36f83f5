import { native } from '../../native/addon.js'

/** Bytes of a key among others: its age in milliseconds, signed and little-endian, and itself. */
export const AGED_KEY_LENGTH = 56
/** As many as a ring can have, with one that is yet to seal. */
const MAX_KEYS = 65

/** The native ring behind a handle, and all its keys at once. */
export interface KeyRing {
  /** Lends the keys and their ages, the one that seals first; the memory is wiped when `use` returns. */
  lend<T>(use: (keys: Buffer) => T): T
  /**
   * Makes these the keys there are, for a ring that another one leads: until the newest has sealed for `patience`
   * times as long as it would, the ring makes none itself. Tells why not.
   */
  replace(keys: Uint8Array, patience?: number): string | null
  rotate(): void
  /** Which keys there are: it changes with each of them. */
  state(): string
}

/** `handle` throws once the ring is closed. */
export function keyRing(handle: () => number): KeyRing {
  return {
    lend(use) {
      const keys = Buffer.alloc(MAX_KEYS * AGED_KEY_LENGTH)
      try {
        return use(keys.subarray(0, native.ringExport(handle(), keys)))
      } finally {
        keys.fill(0)
      }
    },
    replace: (keys, patience = 2) => native.ringReplace(handle(), keys, patience),
    rotate: () => native.ringRotate(handle()),
    state: () =>
      native
        .ringKeys(handle())
        .map(({ generation }) => generation)
        .join(),
  }
}
