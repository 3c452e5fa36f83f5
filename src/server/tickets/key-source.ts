/** Ticket keys that are not made here: from files or from a function. */

import { closeSync, openSync, readSync } from 'node:fs'
import { invalidArgType } from '../../util/errors.js'
import * as log from '../../util/log.js'
import { secretBytes } from '../../util/secret-bytes.js'
import { clearInterval, setInterval } from '../../util/time.js'
import { ticketKeyRefused } from '../errors.js'
import { AGED_KEY_LENGTH, entriesOf, KEY_LENGTH, type KeyRing, writeEntry } from './native-ring.js'

/** Keys of 48 bytes (name, HMAC key, AES key of 16 each), the active one first. */
export type GivenKeys = readonly Uint8Array[]

/**
 * Where the keys of a ring come from, if it does not make its own.
 *
 * - Files as nginx has them (`ssl_session_ticket_key`, 48 bytes: name, AES key, HMAC key). The first one encrypts, all of
 *   them decrypt. With three files, the next key can be distributed before any host encrypts with it: `files: [active,
 *   retired, next]`.
 * - A function that returns keys, or a promise of them.
 */
export type KeySource = { files: readonly string[] } | (() => GivenKeys | Promise<GivenKeys>)

const PART_LENGTH = 16
/** For how many intervals a function is waited for before it is called again. */
const MAX_WAITED_INTERVALS = 10

export function checkKeySource(source: unknown): asserts source is KeySource | undefined {
  if (source === undefined || typeof source === 'function') return
  const files = (source as { files?: unknown } | null)?.files
  if (!Array.isArray(files) || files.length === 0 || !files.every(file => typeof file === 'string')) {
    throw invalidArgType('"source" option', 'a function, or { files: [path, …] }', source)
  }
}

/**
 * Brings the keys of a source into a ring, now and every `refreshEvery` milliseconds. If that fails, the ring continues
 * with the keys that it has, and one warning says so.
 */
export class KeyFeed {
  /** True if keys have come. Before, the ring has none that may be used. */
  hasKeys = false
  /** Resolves when keys have come. */
  readonly ready: Promise<void>
  #resolveReady: () => void = () => {}
  readonly #source: KeySource
  readonly #ring: KeyRing
  readonly #timer: NodeJS.Timeout
  /** How often the source was asked, and which answer was the last one taken. */
  #asked = 0
  #taken = 0
  /** The intervals since the last call, undefined after its answer. */
  #waited: number | undefined
  #isFailing = false
  #isEnded = false

  /** @throws what is wrong with the files. A function may answer later. */
  constructor(source: KeySource, ring: KeyRing, refreshEvery: number) {
    this.#source = source
    this.#ring = ring
    this.ready = new Promise(resolve => {
      this.#resolveReady = resolve
    })
    if (typeof source === 'function') void this.#refresh()
    else this.#takeFiles(source.files)
    this.#timer = setInterval(() => void this.#refresh(), refreshEvery).unref()
  }

  end(): void {
    this.#isEnded = true
    this.#resolveReady()
    clearInterval(this.#timer)
  }

  async #refresh(): Promise<void> {
    // A slow function is not called again, unless its answer may never come.
    if (this.#waited !== undefined) {
      if (++this.#waited < MAX_WAITED_INTERVALS) return
      this.#fail(new Error('the source gives no answer'))
    }
    this.#waited = 0
    const asked = ++this.#asked
    try {
      const source = this.#source
      if (typeof source !== 'function') {
        this.#takeFiles(source.files)
      } else {
        const keys = await source()
        // An answer that arrives after a later one is ignored.
        if (this.#isEnded || asked < this.#taken) return
        this.#take(keys)
        this.#taken = asked
      }
      this.#isFailing = false
    } catch (error) {
      this.#fail(error)
    } finally {
      if (asked === this.#asked) this.#waited = undefined
    }
  }

  #fail(error: unknown): void {
    if (!this.#isFailing && !this.#isEnded) warn(error)
    this.#isFailing = true
  }

  #takeFiles(files: readonly string[]): void {
    const keys: Uint8Array[] = []
    try {
      for (const file of files) keys.push(readKeyFile(file))
      // While keys move from file to file, two files have the same one.
      this.#take(keys.filter((key, index) => keys.findIndex(other => isEqual(other, key)) === index))
    } finally {
      for (const key of keys) key.fill(0)
    }
  }

  #take(keys: unknown): void {
    if (!Array.isArray(keys) || keys.length === 0) throw ticketKeyRefused('there is no key')
    const aged = secretBytes(keys.length * AGED_KEY_LENGTH)
    try {
      for (const [index, entry] of entriesOf(aged).entries()) {
        const key: unknown = keys[index]
        if (!(key instanceof Uint8Array) || key.length !== KEY_LENGTH) {
          throw ticketKeyRefused(`key ${index} is not a Uint8Array of ${KEY_LENGTH} bytes`)
        }
        // Nothing is known of its age, so it counts from now on.
        writeEntry(entry, key, 0)
      }
      const refused = this.#ring.replace(aged)
      if (refused !== null) throw ticketKeyRefused(refused)
      this.hasKeys = true
      this.#resolveReady()
    } finally {
      aged.fill(0)
    }
  }
}

/** Reads a key, and changes nginx's order of its parts (name, AES, HMAC) to Node's. The caller wipes it. */
function readKeyFile(path: string): Uint8Array {
  const file = openSync(path, 'r')
  const bytes = secretBytes(KEY_LENGTH + 1)
  try {
    const length = readSync(file, bytes, 0, bytes.length, 0)
    if (length !== KEY_LENGTH) {
      const size = length > KEY_LENGTH ? 'more' : `${length}`
      throw ticketKeyRefused(
        `${path} must have ${KEY_LENGTH} bytes (Node.js uses AES-128 only), and has ${size}`,
      )
    }
    const key = secretBytes(KEY_LENGTH)
    bytes.copy(key, 0, 0, PART_LENGTH)
    bytes.copy(key, PART_LENGTH, 2 * PART_LENGTH, KEY_LENGTH)
    bytes.copy(key, 2 * PART_LENGTH, PART_LENGTH, 2 * PART_LENGTH)
    return key
  } finally {
    bytes.fill(0)
    closeSync(file)
  }
}

function isEqual(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0
}

function warn(error: unknown): void {
  log.warn(
    'NO_FRESH_KEYS',
    `Ticket keys could not be refreshed: ${error instanceof Error ? error.message : 'unknown'}`,
  )
}
