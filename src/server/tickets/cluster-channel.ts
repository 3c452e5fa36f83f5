/**
 * The messages that the processes of a `cluster` exchange about rings. Node's channel carries text, which stays in the
 * heaps of both processes until it is collected; so ticket keys are sealed under a key of the channel to one worker.
 */
import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject, randomBytes } from 'node:crypto'
import { secretBytes } from '../../util/secret-bytes.js'

const TYPE = 'tls-resumption:ticket-keys'
const CIPHER = 'aes-256-gcm'
const CHANNEL_KEY_LENGTH = 32
const NONCE_LENGTH = 12
const TAG_LENGTH = 16

/** From a worker. `call` numbers a request whose completion the worker waits for. */
export type WorkerMessage = { type: typeof TYPE; name: string } & (
  | { ask: 'keys' }
  | { ask: 'rotation'; call: number }
  | { ask: 'insertion'; call: number; sealed: string }
  | { applied: number }
)

/** The keys of a ring, from the primary. */
export interface KeyUpdate {
  type: typeof TYPE
  name: string
  /** Counts the updates of this ring. */
  update: number
  /** The names of all keys, the active one first. A key that is not among them is wiped. */
  order: string[]
  /** The keys that the worker was not sent before, with their ages. */
  sealed: string
  /** In the first message to a worker only. */
  channelKey: string | undefined
}

/** From the primary. */
export type PrimaryMessage =
  | { type: typeof TYPE; name: string; leads: true }
  | { type: typeof TYPE; name: string; done: number; refused: string | null }
  | KeyUpdate

// biome-ignore lint/suspicious/noExplicitAny: each member of the unions has other properties
type Without<T, K extends string> = T extends any ? Omit<T, K> : never

/** Adds the type, by which the messages of this package are known among those of the application. */
export function typed<T extends WorkerMessage | PrimaryMessage>(message: Without<T, 'type'>): T {
  return { type: TYPE, ...message } as unknown as T
}

export function isRingMessage(message: unknown): message is WorkerMessage | PrimaryMessage {
  return (message as { type?: unknown } | null | undefined)?.type === TYPE
}

/** The key of the channel between the primary and one worker. */
export class ChannelKey {
  readonly #key: KeyObject

  constructor(bytes: Uint8Array) {
    this.#key = createSecretKey(bytes)
  }

  /** Makes a key, and its text for the worker. */
  static make(): { key: ChannelKey; text: string } {
    const bytes = randomBytes(CHANNEL_KEY_LENGTH)
    const made = { key: new ChannelKey(bytes), text: bytes.toString('base64') }
    bytes.fill(0)
    return made
  }

  seal(secret: Uint8Array): string {
    const nonce = randomBytes(NONCE_LENGTH)
    const cipher = createCipheriv(CIPHER, this.#key, nonce)
    return Buffer.concat([nonce, cipher.update(secret), cipher.final(), cipher.getAuthTag()]).toString(
      'base64',
    )
  }

  /** Lends what was sealed to `use`, and wipes it. */
  lend<T>(sealed: string, use: (secret: Buffer) => T): T {
    const bytes = Buffer.from(sealed, 'base64')
    const decipher = createDecipheriv(CIPHER, this.#key, bytes.subarray(0, NONCE_LENGTH))
    decipher.setAuthTag(bytes.subarray(-TAG_LENGTH))
    const opened = decipher.update(bytes.subarray(NONCE_LENGTH, -TAG_LENGTH))
    const secret = secretBytes(opened.length)
    try {
      decipher.final()
      secret.set(opened)
      return use(secret)
    } finally {
      opened.fill(0)
      secret.fill(0)
    }
  }
}
