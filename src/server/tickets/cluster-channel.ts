/**
 * The messages that the processes of a `cluster` exchange about rings. Node's channel carries text, which stays in the
 * heaps of both processes until it is collected. So ticket keys are sealed under a key of the channel to one worker.
 */
import type { Worker } from 'node:cluster'
import { randomBytes, randomFillSync } from 'node:crypto'
import { AEAD_KEY_LENGTH, AEAD_NONCE_LENGTH, aeadOpen, aeadSeal } from '../../native/aead.js'
import { secretBytes } from '../../util/secret-bytes.js'

const TYPE = 'tls-resumption:ticket-keys'
/** How long a call waits for the other processes, in milliseconds. */
export const MAX_CALL_MS = 5000
const BOUND_TO = Buffer.from(TYPE)

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
  | { type: typeof TYPE; name: string; opened: true }
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
  readonly #key = secretBytes(AEAD_KEY_LENGTH)

  private constructor(fill: (key: Buffer) => void) {
    fill(this.#key)
  }

  /** Makes a key, and its text for the worker. */
  static make(): { key: ChannelKey; text: string } {
    const key = new ChannelKey(randomFillSync)
    return { key, text: key.#key.toString('base64') }
  }

  static fromText(text: string): ChannelKey {
    return new ChannelKey(key => key.write(text, 'base64'))
  }

  seal(secret: Uint8Array): string {
    // Random: a channel carries far less than the 2^32 messages that NIST SP 800-38D section 8.3 permits.
    const nonce = randomBytes(AEAD_NONCE_LENGTH)
    return Buffer.concat([nonce, aeadSeal(this.#key, nonce, BOUND_TO, secret)]).toString('base64')
  }

  /** Lends what was sealed to `use`, and wipes it. Returns undefined for anything that this key did not seal. */
  lend<T>(sealed: string, use: (secret: Buffer) => T): T | undefined {
    const bytes = Buffer.from(sealed, 'base64')
    const [nonce, body] = [bytes.subarray(0, AEAD_NONCE_LENGTH), bytes.subarray(AEAD_NONCE_LENGTH)]
    const secret = aeadOpen(this.#key, nonce, BOUND_TO, body)
    if (secret === undefined) return undefined
    try {
      return use(secret)
    } finally {
      secret.fill(0)
    }
  }
}

/** A worker that ends in the meantime needs no message. */
export function send(worker: Worker, message: PrimaryMessage | WorkerMessage): void {
  if (worker.isConnected()) worker.send(message, () => {})
}
