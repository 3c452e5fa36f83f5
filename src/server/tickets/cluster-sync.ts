/**
 * Rings of one name in the processes of a `cluster`: the primary's leads, the workers' follow. Keys go through the
 * channel that Node has between them, as Node's own do.
 */

import cluster, { type Worker } from 'node:cluster'
import { isMainThread } from 'node:worker_threads'
import * as log from '../../util/log.js'
import { clearInterval, clearTimeout, setInterval, setTimeout } from '../../util/time.js'
import type { KeyRing } from './native-ring.js'

const TYPE = 'tls-resumption:ticket-keys'
/** How often the primary looks whether its keys have changed, in milliseconds. */
const LOOK_EVERY = 250
/** How long a worker waits for the primary before it says that nobody answers. */
const PATIENCE = 5000

/** From a worker: asks for the keys, or for new ones. */
interface Request {
  type: typeof TYPE
  name: string
  ask: 'keys' | 'rotation'
}

/** From the primary: the keys and their ages, in base64. */
interface Keys {
  type: typeof TYPE
  name: string
  keys: string
}

/** The part of a ring in a cluster. */
export interface ClusterPart {
  /** Whether another process rotates; it has been asked to. */
  rotateElsewhere(): boolean
  end(): void
}

/** Undefined where there is nobody to share with. `owner` is whose ring it is. */
export function joinCluster(
  name: string | undefined,
  ring: KeyRing,
  owner: WeakRef<object>,
): ClusterPart | undefined {
  if (name === undefined || !isMainThread) return undefined
  if (cluster.isPrimary) return lead(name, ring, owner)
  return cluster.worker === undefined ? undefined : follow(cluster.worker, name, ring)
}

/** The rings of this process, by name. */
const leaders = new Map<string, Leader>()

function lead(name: string, ring: KeyRing, owner: WeakRef<object>): ClusterPart {
  if (leaders.size === 0) {
    cluster.on('message', answer)
    cluster.on('fork', holdAll)
  }
  // Rings of one name are one: the latest handle on it is as good as any.
  const leader = leaders.get(name) ?? new Leader(name)
  leaders.set(name, leader)
  leader.rings.set(ring, owner)
  if (Object.keys(cluster.workers ?? {}).length > 0) leader.hold()
  return {
    rotateElsewhere: () => false,
    end: () => leader.leave(ring),
  }
}

/** Workers live by the rings of the primary, which itself may have no other use for them. */
function holdAll(): void {
  for (const leader of leaders.values()) leader.hold()
}

function answer(worker: Worker, message: unknown): void {
  if (isOurs(message) && 'ask' in message) leaders.get(message.name)?.answer(worker, message.ask)
}

class Leader {
  /** Whose they are, weakly: who lets go of a ring before there are workers is not kept. */
  readonly rings = new Map<KeyRing, WeakRef<object>>()
  readonly #held = new Map<KeyRing, object | undefined>()
  readonly #name: string
  readonly #followers = new Set<Worker>()
  #told = ''
  #timer: NodeJS.Timeout | undefined

  constructor(name: string) {
    this.#name = name
  }

  leave(ring: KeyRing): void {
    this.#held.delete(ring)
    this.rings.delete(ring)
    if (this.rings.size > 0 || leaders.get(this.#name) !== this) return
    clearInterval(this.#timer)
    leaders.delete(this.#name)
    if (leaders.size > 0) return
    cluster.off('message', answer)
    cluster.off('fork', holdAll)
  }

  /** Until they are disposed of. */
  hold(): void {
    for (const [ring, owner] of this.rings) this.#held.set(ring, owner.deref())
  }

  answer(worker: Worker, ask: Request['ask']): void {
    this.#timer ??= this.#watch()
    for (const follower of this.#followers) if (!follower.isConnected()) this.#followers.delete(follower)
    this.#followers.add(worker)
    this.#withRing(ring => {
      if (ask === 'rotation') ring.rotate()
      this.#tell(worker, ring)
      this.#tellAll(ring)
    })
  }

  /** In a scope of its own: the timer would hold the worker that it was begun for. */
  #watch(): NodeJS.Timeout {
    return setInterval(() => this.#withRing(ring => this.#tellAll(ring)), LOOK_EVERY).unref()
  }

  #tellAll(ring: KeyRing): void {
    const state = ring.state()
    if (state === this.#told) return
    this.#told = state
    for (const worker of this.#followers) this.#tell(worker, ring)
  }

  #tell(worker: Worker, ring: KeyRing): void {
    if (!worker.isConnected()) {
      this.#followers.delete(worker)
      return
    }
    const message: Keys = { type: TYPE, name: this.#name, keys: ring.lend(keys => keys.toString('base64')) }
    // A worker that goes meanwhile needs no keys.
    worker.send(message, () => {})
  }

  /** A ring that its owner let go of without a word is one less. */
  #withRing(use: (ring: KeyRing) => void): void {
    for (const ring of [...this.rings.keys()].reverse()) {
      try {
        use(ring)
        return
      } catch {
        this.leave(ring)
      }
    }
  }
}

/** The rings of this worker, each with what it does with the keys of its name; one listener for all. */
const followers = new Set<(message: Keys) => void>()

function hear(message: unknown): void {
  if (isOurs(message) && 'keys' in message) for (const follower of followers) follower(message)
}

function follow(primary: Worker, name: string, ring: KeyRing): ClusterPart {
  const ask = (what: Request['ask']): void => {
    const request: Request = { type: TYPE, name, ask: what }
    // Without the primary the ring goes on with what it has.
    primary.send(request, () => {})
  }
  const patience = setTimeout(warn, PATIENCE, name).unref()
  const follower = (message: Keys): void => {
    if (message.name !== name) return
    clearTimeout(patience)
    const keys = Buffer.from(message.keys, 'base64')
    try {
      ring.replace(keys)
    } catch {
      // Nobody has the ring any more.
      part.end()
    }
    keys.fill(0)
  }
  const part: ClusterPart = {
    rotateElsewhere() {
      if (primary.isConnected()) ask('rotation')
      return primary.isConnected()
    },
    end() {
      clearTimeout(patience)
      if (followers.delete(follower) && followers.size === 0) primary.off('message', hear)
    },
  }
  if (followers.size === 0) primary.on('message', hear)
  followers.add(follower)
  ask('keys')
  return part
}

function isOurs(message: unknown): message is Request | Keys {
  return typeof message === 'object' && message !== null && (message as Partial<Keys>).type === TYPE
}

function warn(name: string): void {
  log.warn(
    'NO_PRIMARY_KEYS',
    `The primary has no TicketKeys named '${name}', so this worker's tickets are its own: make one there, too`,
  )
}
