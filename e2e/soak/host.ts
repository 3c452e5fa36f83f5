/** A host: a process whose threads are started and terminated. */
import { once } from 'node:events'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Worker } from 'node:worker_threads'
import type { ThreadOptions } from './thread.ts'

const THREADS = 2
setFlagsFromString('--expose-gc')
const collectGarbage: () => void = runInNewContext('gc')

const options: ThreadOptions = JSON.parse(process.argv[2] ?? '')
const threads: Worker[] = []
for (let n = 0; n < THREADS; n++) await startThread(n)

async function startThread(index: number): Promise<void> {
  const kind = index % 2 === 0 ? 'ioredis' : 'redis'
  const worker = new Worker(new URL('thread.ts', import.meta.url), { workerData: { ...options, kind } })
  threads[index] = worker
  const [ports] = await once(worker, 'message')
  process.send?.({ thread: index, ports })
}

process.on('message', async (message: { rotate: number } | { terminate: number } | { report: true }) => {
  if ('rotate' in message) threads[message.rotate]?.postMessage('rotate')
  if ('terminate' in message) {
    await threads[message.terminate]?.terminate()
    await startThread(message.terminate)
  }
  if ('report' in message) {
    // Garbage of any thread is not growth.
    await Promise.all(threads.map(collected))
    collectGarbage()
    process.send?.({ rss: process.memoryUsage().rss })
  }
})

function collected(thread: Worker): Promise<void> {
  return new Promise(resolve => {
    const done = () => {
      thread.off('message', done).off('exit', done)
      resolve()
    }
    thread.on('message', done).on('exit', done)
    thread.postMessage('collect')
  })
}

process.on('disconnect', () => process.exit())
