/**
 * Revocation generations of this process: how often the sessions of a server identity were revoked. The number is part
 * of what sessions are bound to, so raising it ends all earlier ones. All threads share it through native memory.
 */
import { native } from '../native/addon.js'
import { SEVEN_DAYS } from '../util/time.js'

/** A generation is kept for as long as a session may live; whatever is older has expired. */
const OPTIONS = {
  name: 'tls-resumption:revocations',
  max: 4096,
  maxSize: 2 ** 20,
  ttl: SEVEN_DAYS,
  sweepInterval: undefined,
  ticketsPerPeer: 1,
  singleUse: false,
  resident: false,
}

const numbers = new Float64Array(1)
const bytes = new Uint8Array(numbers.buffer)

/** The generations that this thread has seen: they never go back, even where the shared memory lost them. */
const seen = new Map<string, number>()

let handle: number | undefined

function sharedMemory(): number {
  if (handle === undefined) {
    try {
      handle = native.open(OPTIONS).handle
    } catch {
      handle = 0 // No memory: this thread then knows only of its own revocations and of those of other processes.
    }
  }
  return handle
}

/** The generations as they were when `native.revocationChanges()` returned `changesSeen`. */
const current = new Map<string, number>()
let changesSeen = -1

/** A generation that was read so often is read again, since the shared memory forgets it after seven days. */
const MAX_READS = 1000
let reads = 0

/** Returns the generation of an identity; 0 before the first revocation. */
export function generationOf(identity: string): number {
  // Before the generation is read: one that changes in between is then read again by the next call.
  const changes = native.revocationChanges()
  if (changes !== changesSeen || ++reads > MAX_READS) {
    changesSeen = changes
    reads = 0
    current.clear()
  }
  let generation = current.get(identity)
  if (generation === undefined) {
    generation = readGeneration(identity)
    current.set(identity, generation)
  }
  return generation
}

function readGeneration(identity: string): number {
  const memory = sharedMemory()
  const shared = memory !== 0 && native.get(memory, identity, bytes) === bytes.length ? (numbers[0] ?? 0) : 0
  const own = seen.get(identity) ?? 0
  if (shared > own) seen.set(identity, shared)
  else if (own > shared) share(identity, own)
  return Math.max(shared, own)
}

/** Raises the generation of an identity to at least this one, for all threads. Returns the generation there is then. */
export function raiseGeneration(identity: string, generation: number): number {
  const now = generationOf(identity)
  if (generation <= now || !Number.isSafeInteger(generation)) return now
  seen.set(identity, generation)
  share(identity, generation)
  return generation
}

function share(identity: string, generation: number): void {
  numbers[0] = generation
  if (sharedMemory() !== 0) native.set(sharedMemory(), identity, bytes, SEVEN_DAYS, true)
  native.noteRevocation()
}

/** Returns all generations that this thread knows, for a process that starts later. */
export function knownGenerations(): [identity: string, generation: number][] {
  return [...seen.keys()].map(identity => [identity, generationOf(identity)])
}
