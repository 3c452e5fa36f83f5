/** Calls between the main thread and its workers: one call at a time per worker, each with one answer. */
import { once } from 'node:events'
import { parentPort, Worker } from 'node:worker_threads'

/** The calls of a worker. Arguments and results have to survive a structured clone. */
export type Commands = Record<string, (...args: never[]) => unknown>

interface Call {
  command: string
  args: never[]
}

type Answer = { result: unknown } | { error: string }

/** Milliseconds that a worker may take to stop before it is terminated. */
const STOP_TIMEOUT = 5_000

/** A worker, seen from the main thread. */
export class Thread<Answers extends Commands> {
  readonly #name: string
  readonly #worker: Worker
  readonly #exit: Promise<number>
  #pending: { resolve(result: unknown): void; reject(error: Error): void } | undefined
  #error: Error | undefined

  constructor(name: string, file: URL, workerData: unknown) {
    this.#name = name
    this.#worker = new Worker(file, { name, workerData })
    this.#exit = new Promise(resolve => this.#worker.once('exit', resolve))
    this.#worker.on('message', (answer: Answer) => {
      const pending = this.#pending
      this.#pending = undefined
      if ('error' in answer) pending?.reject(new Error(answer.error))
      else pending?.resolve(answer.result)
    })
    this.#worker.on('error', error => this.#fail(`${name}: ${String(error)}`))
    this.#exit.then(code => this.#fail(`${name} exited with ${code}`))
  }

  call<Name extends keyof Answers & string>(
    command: Name,
    ...args: Parameters<Answers[Name]>
  ): Promise<Awaited<ReturnType<Answers[Name]>>> {
    if (this.#error) return Promise.reject(this.#error)
    return new Promise((resolve, reject) => {
      this.#pending = { resolve: resolve as (result: unknown) => void, reject }
      this.#worker.postMessage({ command, args } satisfies { command: string; args: unknown[] })
    })
  }

  /** Lets the worker end by itself, which shows that nothing keeps it alive. */
  async stop(): Promise<void> {
    this.#worker.postMessage({ command: 'stop', args: [] } satisfies Call)
    const timeout = AbortSignal.timeout(STOP_TIMEOUT)
    const code = await Promise.race([this.#exit, once(timeout, 'abort')])
    if (typeof code !== 'number') {
      await this.#worker.terminate()
      throw new Error(`${this.#name} did not stop within ${STOP_TIMEOUT} ms`)
    }
    if (code !== 0) throw new Error(`${this.#name} exited with ${code}`)
  }

  async terminate(): Promise<void> {
    await this.#worker.terminate()
  }

  #fail(message: string): void {
    this.#error ??= new Error(message)
    this.#pending?.reject(this.#error)
    this.#pending = undefined
  }
}

/**
 * Answers calls in a worker until `stop`. Then `onStop` runs, which must leave nothing that keeps the thread alive.
 */
export function answer(commands: Commands, onStop: () => void): void {
  const port = parentPort
  if (port === null) throw new Error('this file runs in a worker thread')
  port.on('message', async ({ command, args }: Call) => {
    if (command === 'stop') {
      onStop()
      port.close()
      return
    }
    try {
      port.postMessage({ result: await commands[command]?.(...args) } satisfies Answer)
    } catch (error) {
      port.postMessage({ error: (error as Error).message } satisfies Answer)
    }
  })
}
