/** Distributes revocation generations between the processes of a `cluster`. */
import cluster, { type Worker } from 'node:cluster'
import { isMainThread } from 'node:worker_threads'
import { setTimeout } from '../util/time.js'
import { revocationIncomplete } from './errors.js'
import { knownGenerations, raiseGeneration } from './revocations.js'

const TYPE = 'tls-resumption:revocation'
/** How long the other processes may take, in milliseconds. */
const MAX_WAIT_MS = 3000

type Generations = [identity: string, generation: number][]

interface Message {
  type: typeof TYPE
  /** What the sender knows. */
  generations: Generations
  /** From a worker that waits: the number that the answer `done` is to have. */
  call?: number
  done?: number
  /** From a worker that starts: it wants to know what the primary knows. */
  isNew?: boolean
  /** From the primary: the number that the worker acknowledges with `applied`. */
  update?: number
  applied?: number
}

function isRevocation(message: unknown): message is Message {
  return (message as { type?: unknown } | null | undefined)?.type === TYPE
}

function learn(generations: Generations): void {
  for (const [identity, generation] of generations) {
    if (typeof identity === 'string' && typeof generation === 'number') raiseGeneration(identity, generation)
  }
}

let lastNumber = 0
/** What waits for an answer, by the number of the call or of the update. */
const waiting = new Map<number, () => void>()

/** Resolves with true when `answer` is called with the number, with false after a while. */
function answered(send: (number: number) => void): Promise<boolean> {
  const number = ++lastNumber
  return new Promise(resolve => {
    const finish = (isAnswered: boolean) => {
      waiting.delete(number)
      resolve(isAnswered)
    }
    waiting.set(number, () => finish(true))
    setTimeout(finish, MAX_WAIT_MS, false)
    send(number)
  })
}

// ── The primary ──────────────────────────────────────────────────────────────────────────────────────────────────────

async function updateWorkers(generations: Generations): Promise<void> {
  const workers = Object.values(cluster.workers ?? {}).filter(worker => worker?.isConnected())
  await Promise.all(
    workers.map(worker => answered(update => sendTo(worker as Worker, { type: TYPE, generations, update }))),
  )
}

function sendTo(worker: Worker, message: Message): void {
  if (worker.isConnected()) worker.send(message, () => {})
}

function hearWorker(worker: Worker, message: unknown): void {
  if (!isRevocation(message)) return
  const { generations, call, isNew, applied } = message
  if (applied !== undefined) waiting.get(applied)?.()
  learn(generations)
  if (isNew) sendTo(worker, { type: TYPE, generations: knownGenerations() })
  if (call === undefined) return
  void updateWorkers(generations).then(() => sendTo(worker, { type: TYPE, generations: [], done: call }))
}

// A primary need not use servers itself: it is enough that it loads the package.
if (isMainThread && cluster.isPrimary) cluster.on('message', hearWorker)

// ── The workers ──────────────────────────────────────────────────────────────────────────────────────────────────────

let hasJoined = false

/** Has a worker learn of revocations, those from before it started among them. Does nothing elsewhere. */
export function joinRevocations(): void {
  const { worker } = cluster
  if (hasJoined || !isMainThread || worker === undefined) return
  hasJoined = true
  worker.on('message', message => {
    if (!isRevocation(message)) return
    const { generations, update, done } = message
    learn(generations)
    if (done !== undefined) waiting.get(done)?.()
    if (update !== undefined) sendTo(worker, { type: TYPE, generations: [], applied: update })
  })
  sendTo(worker, { type: TYPE, generations: [], isNew: true })
}

/**
 * Distributes a raised generation. Resolves when the other processes of the cluster have it, and rejects if they cannot
 * be reached.
 */
export async function distributeRevocation(identity: string, generation: number): Promise<void> {
  const generations: Generations = [[identity, generation]]
  const { worker } = cluster
  if (!isMainThread) return
  if (worker === undefined) {
    if (cluster.isPrimary) await updateWorkers(generations)
    return
  }
  if (!(await answered(call => sendTo(worker, { type: TYPE, generations, call }))))
    throw revocationIncomplete()
}
