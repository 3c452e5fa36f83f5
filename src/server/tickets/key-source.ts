/** Ticket keys that somebody else makes: in files, or from a service. */

import { closeSync, openSync, readSync } from 'node:fs'
import { invalidArgType } from '../../util/errors.js'
import * as log from '../../util/log.js'
import { clearInterval, setInterval } from '../../util/time.js'
import { ticketKeyRefused } from '../errors.js'
import { AGED_KEY_LENGTH, type KeyRing } from './native-ring.js'

/** Keys of 48 bytes (name, HMAC key, AES key of 16 each), the one that encrypts first. */
export type GivenKeys = readonly Uint8Array[]

/**
 * Where the keys of a ring come from, if they are not its own: files as nginx has them (`ssl_session_ticket_key`, 48
 * bytes: name, AES key, HMAC key), the first of which encrypts; or a function that is asked.
 */
export type KeySource = { files: readonly string[] } | (() => GivenKeys | Promise<GivenKeys>)

const KEY_LENGTH = 48
/** For how many intervals a function is waited for before it is asked anew. */
const PATIENCE = 10
const PART = 16

export function checkKeySource(source: unknown): asserts source is KeySource | undefined {
  if (source === undefined || typeof source === 'function') return
  const files = (source as { files?: unknown } | null)?.files
  if (!Array.isArray(files) || files.length === 0 || !files.every(file => typeof file === 'string')) {
    throw invalidArgType('"source" option', 'a function, or { files: [path, …] }', source)
  }
}

/**
 * Brings the keys of a source into a ring, now and every `refreshEvery` milliseconds. Where that fails, the ring goes
 * on with the keys that it has, and a warning says so once.
 */
export class KeyFeed {
  /** Whether keys have come; before, there are none to be used. */
  hasKeys = false
  readonly #source: KeySource
  readonly #ring: KeyRing
  readonly #timer: NodeJS.Timeout
  /** How often it was asked, and which answer was the last one taken. */
  #asked = 0
  #taken = 0
  /** The intervals since; undefined: it has answered. */
  #waited: number | undefined
  #isFailing = false
  #isEnded = false

  /** @throws what is wrong with the files. A function may answer later. */
  constructor(source: KeySource, ring: KeyRing, refreshEvery: number) {
    this.#source = source
    this.#ring = ring
    if (typeof source === 'function') void this.#refresh()
    else this.#takeFiles(source.files)
    this.#timer = setInterval(() => void this.#refresh(), refreshEvery).unref()
  }

  end(): void {
    this.#isEnded = true
    clearInterval(this.#timer)
  }

  async #refresh(): Promise<void> {
    // One that takes long is not asked again meanwhile, unless its answer may never come.
    if (this.#waited !== undefined) {
      if (++this.#waited < PATIENCE) return
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
        // Not in the place of a later answer.
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
      this.#take(keys)
    } finally {
      for (const key of keys) key.fill(0)
    }
  }

  #take(keys: unknown): void {
    if (!Array.isArray(keys) || keys.length === 0) throw ticketKeyRefused('there is no key')
    const aged = Buffer.alloc(keys.length * AGED_KEY_LENGTH)
    try {
      for (const [index, key] of keys.entries()) {
        if (!(key instanceof Uint8Array) || key.length !== KEY_LENGTH) {
          throw ticketKeyRefused(`key ${index} is not a Uint8Array of ${KEY_LENGTH} bytes`)
        }
        // Its age, of which nothing is known, is that of its arrival.
        aged.set(key, (index + 1) * AGED_KEY_LENGTH - KEY_LENGTH)
      }
      const refused = this.#ring.replace(aged)
      if (refused !== null) throw ticketKeyRefused(refused)
      this.hasKeys = true
    } finally {
      aged.fill(0)
    }
  }
}

/** From nginx's order of parts (name, AES, HMAC) to Node's. Wipe it after use. */
function readKeyFile(path: string): Uint8Array {
  const file = openSync(path, 'r')
  const bytes = Buffer.alloc(KEY_LENGTH + 1)
  try {
    const length = readSync(file, bytes, 0, bytes.length, 0)
    if (length !== KEY_LENGTH) {
      const size = length > KEY_LENGTH ? 'more' : `${length}`
      throw ticketKeyRefused(
        `${path} must have ${KEY_LENGTH} bytes (Node has AES-128 alone), and has ${size}`,
      )
    }
    const key = new Uint8Array(KEY_LENGTH)
    key.set(bytes.subarray(0, PART))
    key.set(bytes.subarray(2 * PART, KEY_LENGTH), PART)
    key.set(bytes.subarray(PART, 2 * PART), 2 * PART)
    return key
  } finally {
    bytes.fill(0)
    closeSync(file)
  }
}

function warn(error: unknown): void {
  log.warn(
    'NO_FRESH_KEYS',
    `Ticket keys could not be refreshed: ${error instanceof Error ? error.message : 'unknown'}`,
  )
}
