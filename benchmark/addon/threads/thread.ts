/** A thread for `threads.ts`: opens a store, and repeats one of its operations for a while. */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { type Operation, open, type Store } from './stores.ts'

export interface ThreadData {
  store: string
  /** The place of the store, if it is not only in the memory of this process. */
  place: string
  broker: MessagePort
  keys: string[]
  blob: Uint8Array
}

export interface Turn {
  operation: Operation
  /** Milliseconds. */
  time: number
  /** Requests at once, for stores that answer later. */
  atOnce: number
}

const { store: name, place, broker, keys, blob: bytes } = workerData as ThreadData
const blob = Buffer.from(bytes)
const store = await open(name, { place, broker })
if (!parentPort) throw new Error('this is a thread')
parentPort.on('message', async (turn: Turn) => parentPort?.postMessage(await repeat(store, turn)))
parentPort.postMessage('ready')

/** Operations per second. */
async function repeat(store: Store, { operation, time, atOnce }: Turn): Promise<number> {
  const run = store[operation]
  if (run === undefined) throw new TypeError(`${name} has no ${operation}`)
  const begun = performance.now()
  let count = 0
  while (performance.now() - begun < time) {
    if (store.answersLater) {
      await Promise.all(
        Array.from({ length: atOnce }, () => run(keys[count++ % keys.length] as string, blob)),
      )
    } else {
      for (let n = 0; n < 64; n++) run(keys[count++ % keys.length] as string, blob)
    }
  }
  return (1000 * count) / (performance.now() - begun)
}
