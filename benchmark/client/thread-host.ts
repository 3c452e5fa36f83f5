/** A process whose threads connect to the same endpoints. It loads this package only if its threads do. */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { loadedFiles } from '../lib/loaded.mjs'
import type { ThreadData } from './thread.ts'

/** Starts threads, lets the first connect once, lets all connect, or asks what was loaded. */
export type Request = { start: ThreadData; threads: number } | 'once' | 'go' | 'loaded'

let workers: Worker[] = []

process.on('message', async (request: Request) => process.send?.(await answer(request)))
process.on('disconnect', () => process.exit())

async function answer(request: Request): Promise<string[] | 'done'> {
  if (typeof request === 'object') {
    const { start: workerData, threads } = request
    const script = new URL('./thread.ts', import.meta.url)
    workers = Array.from({ length: threads }, () => new Worker(script, { workerData }))
    await Promise.all(workers.map(worker => once(worker, 'message')))
    return 'done'
  }
  const asked = request === 'once' ? workers.slice(0, 1) : workers
  for (const worker of asked) worker.postMessage(request)
  const answers = await Promise.all(asked.map(worker => once(worker, 'message')))
  return request === 'loaded' ? [...loadedFiles(), ...answers.flatMap(([files]) => files)] : 'done'
}
