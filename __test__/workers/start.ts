import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'

/** Starts a program of this directory as a worker thread. */
export function startWorker(program: string, workerData: unknown): Worker {
  return new Worker(new URL(program, import.meta.url), { workerData })
}

/** Runs a program that posts one message. Returns the message after the thread has ended. */
export async function runWorker<Message>(program: string, workerData: unknown): Promise<Message> {
  const worker = startWorker(program, workerData)
  const exit = once(worker, 'exit')
  const [message] = await Promise.race([
    once(worker, 'message'),
    exit.then(() => Promise.reject(new Error(`${program} ended without a message`))),
  ])
  await exit
  return message
}

/** Blocks threads until all have arrived, so that they start at the same time. The memory can be posted to workers. */
export class Gate {
  readonly #cells: Int32Array

  constructor(readonly memory: SharedArrayBuffer = new SharedArrayBuffer(8)) {
    this.#cells = new Int32Array(memory)
  }

  /** Blocks a worker until the gate opens. */
  wait(): void {
    Atomics.add(this.#cells, 0, 1)
    Atomics.wait(this.#cells, 1, 0)
  }

  /** Opens when `threads` threads are waiting. */
  async openFor(threads: number): Promise<void> {
    while (Atomics.load(this.#cells, 0) < threads) await delay(5)
    Atomics.store(this.#cells, 1, 1)
    Atomics.notify(this.#cells, 1)
  }
}

/** Runs a program in several threads that start at the same time, with equal data and the gate's memory. */
export async function race<Message>(threads: number, program: string, data: object): Promise<Message[]> {
  const gate = new Gate()
  const results = Array.from({ length: threads }, () =>
    runWorker<Message>(program, { ...data, gate: gate.memory }),
  )
  await Promise.race([gate.openFor(threads), Promise.all(results)])
  return Promise.all(results)
}
