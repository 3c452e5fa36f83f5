/** The rings of a worker of a `cluster`, which follow those of the primary. */

import type { Worker } from 'node:cluster'
import { secretBytes } from '../../util/secret-bytes.js'
import { setTimeout } from '../../util/time.js'
import { ticketKeyRefused } from '../errors.js'
import {
  ChannelKey,
  isRingMessage,
  type KeyUpdate,
  MAX_CALL_MS,
  type PrimaryMessage,
  send,
  typed,
  type WorkerMessage,
} from './cluster-channel.js'
import type { ClusterPart, WorkerEvents } from './cluster-part.js'
import { AGED_KEY_LENGTH, entriesOf, type KeyRing, nameIn } from './native-ring.js'

/** The rings of this worker. One listener serves all. */
const workerRings = new Set<WorkerRing>()
/** The key of the channel to the primary, once it has come. */
let channelToPrimary: ChannelKey | undefined

function hearPrimary(message: unknown): void {
  if (!isRingMessage(message)) return
  const received = message as PrimaryMessage
  if ('channelKey' in received && received.channelKey !== undefined) {
    channelToPrimary = ChannelKey.fromText(received.channelKey)
  }
  for (const workerRing of workerRings) workerRing.hear(received)
}

export class WorkerRing implements ClusterPart {
  readonly #primary: Worker
  readonly #name: string
  readonly #ring: KeyRing
  readonly #events: WorkerEvents
  readonly #calls = new Map<number, { resolve(): void; reject(error: Error): void }>()
  #nextCall = 1
  #hasPrimary = false
  /** Updates in a row that could not be applied. */
  #failures = 0

  constructor(primary: Worker, name: string, ring: KeyRing, events: WorkerEvents) {
    this.#primary = primary
    this.#name = name
    this.#ring = ring
    this.#events = events
    if (workerRings.size === 0) primary.on('message', hearPrimary)
    workerRings.add(this)
    send(primary, typed<WorkerMessage>({ name, ask: 'keys' }))
  }

  get followsPrimary(): boolean {
    return this.#hasPrimary && this.#primary.isConnected()
  }

  rotateElsewhere(key?: Uint8Array): Promise<void> | undefined {
    if (!this.followsPrimary || channelToPrimary === undefined) return undefined
    const call = this.#nextCall++
    const name = this.#name
    return new Promise((resolve, reject) => {
      this.#calls.set(call, { resolve, reject })
      setTimeout(() => this.#finish(call, null), 2 * MAX_CALL_MS).unref()
      send(
        this.#primary,
        key === undefined
          ? typed<WorkerMessage>({ name, ask: 'rotation', call })
          : typed<WorkerMessage>({ name, ask: 'insertion', call, sealed: channelToPrimary?.seal(key) ?? '' }),
      )
    })
  }

  settled(): Promise<void> {
    return Promise.resolve()
  }

  hear(message: PrimaryMessage): void {
    if (message.name !== this.#name) return
    if ('opened' in message) send(this.#primary, typed<WorkerMessage>({ name: this.#name, ask: 'keys' }))
    else if ('done' in message) this.#finish(message.done, message.refused)
    else this.#apply(message)
  }

  end(): void {
    if (workerRings.delete(this) && workerRings.size === 0) this.#primary.off('message', hearPrimary)
    for (const call of this.#calls.keys()) this.#finish(call, null)
  }

  #apply(message: KeyUpdate): void {
    const name = this.#name
    try {
      if (!this.#replace(message)) {
        // Another copy of this package in the process may have received the channel key: asking again would not help.
        if (++this.#failures < 3) send(this.#primary, typed<WorkerMessage>({ name, ask: 'keys' }))
        return
      }
      this.#failures = 0
    } catch {
      this.end() // The ring is closed.
      return
    }
    send(this.#primary, typed<WorkerMessage>({ name, applied: message.update }))
    if (this.#hasPrimary) return
    this.#hasPrimary = true
    this.#events.onPrimary()
  }

  /** Takes the new keys over and wipes those that the primary no longer has. Returns false if a key is missing. */
  #replace({ order, sealed }: KeyUpdate): boolean {
    return (
      channelToPrimary?.lend(sealed, news =>
        this.#ring.lend(own => {
          const known = new Map([...entriesOf(own), ...entriesOf(news)].map(entry => [nameIn(entry), entry]))
          const entries = order.flatMap(name => known.get(name) ?? [])
          if (entries.length === 0 || entries.length < order.length) return false
          const keys = secretBytes(entries.length * AGED_KEY_LENGTH)
          for (const [index, entry] of entries.entries()) entry.copy(keys, index * AGED_KEY_LENGTH)
          this.#ring.replace(keys)
          keys.fill(0)
          return true
        }),
      ) ?? false
    )
  }

  #finish(call: number, refused: string | null): void {
    const pending = this.#calls.get(call)
    this.#calls.delete(call)
    if (refused === null) pending?.resolve()
    else pending?.reject(ticketKeyRefused(refused))
  }
}
