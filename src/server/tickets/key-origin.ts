import type tls from 'node:tls'
import { copyTicketKeysOfNode } from '../../node/ticket-key-callback.js'
import { nativeContextOf } from '../../node/tls-internals.js'
import { secretBytes } from '../../util/secret-bytes.js'
import { monotonicNow, SEVEN_DAYS } from '../../util/time.js'
import { AGED_KEY_LENGTH, KEY_LENGTH, type KeyRing, NEVER_ROTATES, writeEntry } from './native-ring.js'

/**
 * Which keys encrypt the tickets of this thread's servers: those of the ring, or the server's own. Node.js shares the
 * latter between the workers of a cluster. A worker uses them while it knows no ring of the primary.
 */
export class KeyOrigin {
  readonly #ring: KeyRing
  readonly #keyLifetime: number
  #isNode = false
  /** Until when the server's own keys still decrypt, by the monotonic clock. */
  #nodeKeysUntil = 0

  /** `keyLifetime`: how long a key of the ring decrypts, in milliseconds. */
  constructor(ring: KeyRing, keyLifetime: number) {
    this.#ring = ring
    this.#keyLifetime = keyLifetime
  }

  /** True if the server's own keys encrypt. */
  get isNode(): boolean {
    return this.#isNode
  }

  /** True if the server's own keys encrypted before, and tickets of them are still accepted. */
  get wasNode(): boolean {
    return monotonicNow() < this.#nodeKeysUntil
  }

  useKeysOfNode(): void {
    this.#isNode = true
    // The ring itself must not rotate either: threads of this process use it.
    this.#ring.lend(keys => this.#ring.replace(keys, NEVER_ROTATES))
  }

  useKeysOfRing(): void {
    if (!this.#isNode) return
    this.#isNode = false
    this.#nodeKeysUntil = monotonicNow() + Math.min(this.#keyLifetime, SEVEN_DAYS)
  }

  /**
   * Puts the keys of a server that listens into the ring, for the threads of this process. Does nothing where the keys of
   * the ring encrypt. Node.js has exchanged its keys with the other workers once the server listens.
   */
  copyKeysOf(server: tls.Server): void {
    if (!this.#isNode) return
    const key = secretBytes(KEY_LENGTH)
    if (copyTicketKeysOfNode(nativeContextOf(server), key)) {
      this.#ring.lend(others => {
        const keys = secretBytes(AGED_KEY_LENGTH + others.length)
        writeEntry(keys.subarray(0, AGED_KEY_LENGTH), key, 0)
        keys.set(others, AGED_KEY_LENGTH)
        this.#ring.replace(keys, NEVER_ROTATES)
        keys.fill(0)
      })
    }
    key.fill(0)
  }
}
