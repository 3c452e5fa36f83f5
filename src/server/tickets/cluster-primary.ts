/** The rings of the primary of a `cluster`, which workers follow. */

import cluster, { type Worker } from 'node:cluster'
import { secretBytes } from '../../util/secret-bytes.js'
import { clearInterval, setInterval, setTimeout } from '../../util/time.js'
import {
  ChannelKey,
  isRingMessage,
  MAX_CALL_MS,
  type PrimaryMessage,
  send,
  typed,
  type WorkerMessage,
} from './cluster-channel.js'
import type { ClusterPart } from './cluster-part.js'
import { AGED_KEY_LENGTH, entriesOf, type KeyRing, nameIn } from './native-ring.js'

/** How often the primary compares its keys with those that the workers have, in milliseconds. */
const COMPARE_INTERVAL_MS = 250

/** The rings of this process that lead, by name. */
const primaryRings = new Map<string, PrimaryRing>()
const channelKeys = new WeakMap<Worker, ChannelKey>()

export function joinAsPrimary(name: string, ring: KeyRing, owner: WeakRef<object>): ClusterPart {
  if (primaryRings.size === 0) {
    cluster.on('message', hearWorker)
    cluster.on('fork', holdAll)
  }
  // Rings of one name in one process share their memory, so any of the handles will do.
  const primaryRing = primaryRings.get(name) ?? new PrimaryRing(name)
  primaryRings.set(name, primaryRing)
  primaryRing.rings.set(ring, owner)
  primaryRing.announce()
  return {
    followsPrimary: false,
    rotateElsewhere: () => undefined,
    settled: () => primaryRing.settled(),
    end: () => primaryRing.leave(ring),
  }
}

/** Keeps the rings of the primary while there are workers: the primary itself may have no other use for them. */
function holdAll(): void {
  for (const primaryRing of primaryRings.values()) primaryRing.hold()
}

function hearWorker(worker: Worker, message: unknown): void {
  if (isRingMessage(message)) primaryRings.get(message.name)?.hear(worker, message as WorkerMessage)
}

/** What a ring of the primary knows of a worker. */
interface WorkerState {
  /** The names of the keys that it was sent. */
  sent: Set<string>
  /** The last update that it has applied. */
  applied: number
}

class PrimaryRing {
  /** The handles on the ring, weakly: a ring that its owner dropped before there were workers is not kept. */
  readonly rings = new Map<KeyRing, WeakRef<object>>()
  readonly #held = new Map<KeyRing, object | undefined>()
  readonly #name: string
  readonly #workers = new Map<Worker, WorkerState>()
  #state = ''
  #update = 0
  #timer: NodeJS.Timeout | undefined
  #waiting: { update: number; resolve: () => void }[] = []

  constructor(name: string) {
    this.#name = name
  }

  /** Has workers ask whose rings are older than this one. */
  announce(): void {
    const workers = Object.values(cluster.workers ?? {})
    if (workers.length > 0) this.hold()
    for (const worker of workers) {
      if (worker) send(worker, typed<PrimaryMessage>({ name: this.#name, opened: true }))
    }
  }

  leave(ring: KeyRing): void {
    this.#held.delete(ring)
    this.rings.delete(ring)
    if (this.rings.size > 0 || primaryRings.get(this.#name) !== this) return
    clearInterval(this.#timer)
    primaryRings.delete(this.#name)
    if (primaryRings.size > 0) return
    cluster.off('message', hearWorker)
    cluster.off('fork', holdAll)
  }

  /** Keeps the rings until they are disposed of. */
  hold(): void {
    for (const [ring, owner] of this.rings) this.#held.set(ring, owner.deref())
  }

  hear(worker: Worker, message: WorkerMessage): void {
    if ('applied' in message) {
      const workerState = this.#workers.get(worker)
      if (workerState) workerState.applied = Math.max(workerState.applied, message.applied)
      this.#settle()
      return
    }
    this.#timer ??= this.#startTimer()
    if (message.ask === 'keys' || !this.#workers.has(worker)) {
      this.#workers.set(worker, { sent: new Set(), applied: 0 })
    }
    this.#withRing(ring => {
      if (message.ask === 'keys') {
        this.#updateAll(ring)
        this.#updateOne(worker, ring)
        return
      }
      const refused = this.#change(worker, ring, message)
      this.#updateAll(ring)
      void this.settled().then(() => {
        send(worker, typed<PrimaryMessage>({ name: this.#name, done: message.call, refused }))
      })
    })
  }

  /** Resolves when each connected worker has applied the keys that there are now, or has had time enough. */
  settled(): Promise<void> {
    this.#withRing(ring => this.#updateAll(ring))
    return new Promise(resolve => {
      const waiting = { update: this.#update, resolve }
      this.#waiting.push(waiting)
      setTimeout(() => {
        this.#waiting = this.#waiting.filter(each => each !== waiting)
        resolve()
      }, MAX_CALL_MS).unref()
      this.#settle()
    })
  }

  #settle(): void {
    this.#dropDisconnected()
    const applied = Math.min(...[...this.#workers.values()].map(workerState => workerState.applied))
    const left = this.#waiting.filter(({ update }) => update > applied)
    const settled = this.#waiting.filter(({ update }) => update <= applied)
    this.#waiting = left
    for (const { resolve } of settled) resolve()
  }

  /** Rotates on behalf of a worker. Returns why its key was refused. */
  #change(worker: Worker, ring: KeyRing, message: WorkerMessage): string | null {
    if ('sealed' in message) {
      const refused = channelKeys.get(worker)?.lend(message.sealed, secret => ring.insert(secret))
      return refused === undefined ? 'it was not sealed with the key of the channel' : refused
    }
    ring.rotate()
    return null
  }

  /** In a scope of its own: the timer would otherwise hold the worker that it was started for. */
  #startTimer(): NodeJS.Timeout {
    return setInterval(() => {
      this.#dropDisconnected()
      this.#withRing(ring => this.#updateAll(ring))
    }, COMPARE_INTERVAL_MS).unref()
  }

  #dropDisconnected(): void {
    for (const worker of this.#workers.keys()) if (!worker.isConnected()) this.#workers.delete(worker)
  }

  #updateAll(ring: KeyRing): void {
    const state = ring.state()
    if (state === this.#state) return
    this.#state = state
    this.#update++
    for (const worker of [...this.#workers.keys()]) this.#updateOne(worker, ring)
  }

  /** Sends the names of all keys, and the keys themselves that the worker does not have. */
  #updateOne(worker: Worker, ring: KeyRing): void {
    const workerState = this.#workers.get(worker)
    if (workerState === undefined || !worker.isConnected()) {
      this.#workers.delete(worker)
      return
    }
    let channelKey: string | undefined
    if (!channelKeys.has(worker)) {
      const made = ChannelKey.make()
      channelKeys.set(worker, made.key)
      channelKey = made.text
    }
    ring.lend(keys => {
      const entries = entriesOf(keys)
      const news = entries.filter(entry => !workerState.sent.has(nameIn(entry)))
      const secret = secretBytes(news.length * AGED_KEY_LENGTH)
      for (const [index, entry] of news.entries()) entry.copy(secret, index * AGED_KEY_LENGTH)
      const sealed = channelKeys.get(worker)?.seal(secret) ?? ''
      secret.fill(0)
      workerState.sent = new Set(entries.map(nameIn))
      const order = [...workerState.sent]
      send(
        worker,
        typed<PrimaryMessage>({ name: this.#name, update: this.#update, order, sealed, channelKey }),
      )
    })
  }

  /** Uses the first handle that is still open. */
  #withRing(use: (ring: KeyRing) => void): void {
    for (const ring of [...this.rings.keys()].reverse()) {
      try {
        ring.state()
      } catch {
        this.leave(ring)
        continue
      }
      use(ring)
      return
    }
  }
}
