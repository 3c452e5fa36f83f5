/** Measures threads on one cache, and one thread beside other ways to share sessions. */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MessageChannel, Worker } from 'node:worker_threads'
import { Paired } from '../../lib/paired.ts'
import { answer } from './broker.ts'
import type { Operation } from './stores.ts'
import type { ThreadData, Turn } from './thread.ts'

const KEYS = Array.from({ length: 1000 }, (_, index) => `tcp:host-${index}.example:5432`)
const BLOB = randomBytes(1024)

export const OURS = 'tls-resumption'
export const LMDB = 'lmdb'
export const BROKER = 'a Map asked by messages'
export const MANY = 64
export const BROKER_MANY = `${BROKER}, ${MANY} at once`
export const ONE = 'one thread'
export const TWO = 'two threads'

/** Returns operations per second of one thread, and of two threads that share one cache. */
export async function scaling(operations: Operation[], rounds: number, time: number) {
  const place = `threads ${randomBytes(8).toString('hex')}`
  const threads = await Promise.all([Thread.start(OURS, place), Thread.start(OURS, place)])
  const [first] = threads
  const scales = new Map<Operation, Paired>()
  await first.fill()
  for (const operation of operations) {
    const turn = { operation, time, atOnce: 1 }
    const both = async () => {
      const [one, other] = await Promise.all(threads.map(thread => thread.run(turn)))
      return (one ?? 0) + (other ?? 0)
    }
    scales.set(operation, await Paired.measure({ [ONE]: () => first.run(turn), [TWO]: both }, rounds))
  }
  await Promise.all(threads.map(thread => thread.end()))
  return scales
}

/** Returns operations per second of one thread that is not the main thread. */
export async function sharing(operations: Operation[], rounds: number, time: number) {
  const folder = mkdtempSync(join(tmpdir(), 'tls-resumption-'))
  const [ours, lmdb, broker] = await Promise.all([
    Thread.start(OURS, `sharing ${randomBytes(8).toString('hex')}`),
    Thread.start(LMDB, join(folder, 'lmdb')),
    Thread.start(BROKER, ''),
  ])
  const compared = new Map<Operation, Paired>()
  for (const thread of [ours, lmdb, broker]) await thread.fill()
  for (const operation of operations) {
    const turn = { operation, time, atOnce: 1 }
    const asked = operation !== 'exchange'
    const contestants = {
      [OURS]: () => ours.run(turn),
      [LMDB]: () => lmdb.run(turn),
      ...(asked && {
        [BROKER]: () => broker.run(turn),
        [BROKER_MANY]: () => broker.run({ ...turn, atOnce: MANY }),
      }),
    }
    compared.set(operation, await Paired.measure(contestants, rounds))
  }
  await Promise.all([ours, lmdb, broker].map(thread => thread.end()))
  rmSync(folder, { recursive: true })
  return compared
}

class Thread {
  readonly #worker: Worker

  static async start(store: string, place: string): Promise<Thread> {
    const { port1, port2 } = new MessageChannel()
    answer(port1, new Map())
    port1.unref()
    const workerData: ThreadData = { store, place, broker: port2, keys: KEYS, blob: BLOB }
    const worker = new Worker(new URL('./thread.ts', import.meta.url), { workerData, transferList: [port2] })
    await once(worker, 'message')
    return new Thread(worker)
  }

  private constructor(worker: Worker) {
    this.#worker = worker
  }

  /** Stores something under every key. */
  async fill(): Promise<void> {
    await this.run({ operation: 'set', time: 200, atOnce: MANY })
  }

  async run(turn: Turn): Promise<number> {
    this.#worker.postMessage(turn)
    const [rate] = await once(this.#worker, 'message')
    return rate
  }

  async end(): Promise<void> {
    await this.#worker.terminate()
  }
}
