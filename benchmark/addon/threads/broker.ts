/** A Map in one thread that other threads ask by messages: how threads share without native code. */
import type { MessagePort } from 'node:worker_threads'

interface Question {
  number: number
  key: string
  /** The blob to store. */
  blob?: Uint8Array
}

interface Answer {
  number: number
  blob: Uint8Array | undefined
}

/** The side of the thread that has the Map. */
export function answer(port: MessagePort, map: Map<string, Uint8Array>): void {
  port.on('message', ({ number, key, blob }: Question) => {
    if (blob) map.set(key, blob)
    const answer: Answer = { number, blob: blob ? undefined : map.get(key) }
    port.postMessage(answer)
  })
}

const waiting = new Map<number, (blob: Uint8Array | undefined) => void>()
let last = 0
let heard: MessagePort | undefined

/** The side of a thread that asks. */
export function ask(port: MessagePort, key: string, blob?: Uint8Array): Promise<Uint8Array | undefined> {
  if (heard !== port) {
    heard = port
    port.on('message', ({ number, blob }: Answer) => {
      waiting.get(number)?.(blob)
      waiting.delete(number)
    })
  }
  return new Promise(resolve => {
    const number = ++last
    waiting.set(number, resolve)
    const question: Question = blob ? { number, key, blob } : { number, key }
    port.postMessage(question)
  })
}
