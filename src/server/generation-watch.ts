import type { TierPart } from '../fleet/second-tier.js'
import { clearTimeout, setTimeout } from '../util/time.js'
import { generationOf, raiseGeneration } from './revocations.js'

/** How often each host reads the revocation generation of a server, in milliseconds. */
export const WATCH_INTERVAL_MS = 2000
/** How often until it has been read once. */
const FIRST_INTERVAL_MS = 50

/** What is watched. */
export interface Watched {
  /** The identity whose generation counts; it changes with `setSecureContext()`. */
  readonly identity: string
  /** Called when the generation was raised. */
  refresh(): void
}

/** Keeps the revocation generation of a server up to date with the one in a second tier. */
export class GenerationWatch {
  readonly #tier: TierPart
  readonly #watched: WeakRef<Watched>
  #timer: NodeJS.Timeout | undefined
  /** The identity whose generation was read. */
  #knownIdentity: string | undefined
  #waiting: (() => void)[] = []
  #isEnded = false

  constructor(tier: TierPart, watched: Watched) {
    this.#tier = tier
    this.#watched = new WeakRef(watched)
    void this.#look()
  }

  /** True if the generation of the present identity has been read: what the store has may be older than a revocation. */
  get isKnown(): boolean {
    return this.#knownIdentity !== undefined && this.#knownIdentity === this.#watched.deref()?.identity
  }

  /** Calls `done` when the generation is known, or after `timeout` milliseconds. */
  whenKnown(timeout: number, done: () => void): void {
    if (this.isKnown) {
      done()
      return
    }
    const finish = () => {
      clearTimeout(timer)
      this.#waiting = this.#waiting.filter(each => each !== finish)
      done()
    }
    const timer = setTimeout(finish, timeout)
    this.#waiting.push(finish)
  }

  /**
   * Raises the generation in the store, trying until the store has it. Resolves when all hosts have read it.
   */
  async raise(identity: string): Promise<void> {
    while (!this.#isEnded) {
      try {
        await this.#tier.raiseGeneration(identity, generationOf(identity))
        break
      } catch {
        await new Promise(resolve => setTimeout(resolve, WATCH_INTERVAL_MS).unref())
      }
    }
    await new Promise(resolve => setTimeout(resolve, WATCH_INTERVAL_MS + WATCH_INTERVAL_MS / 4).unref())
  }

  end(): void {
    this.#isEnded = true
    clearTimeout(this.#timer)
    for (const finish of [...this.#waiting]) finish()
  }

  async #look(): Promise<void> {
    const identity = this.#watched.deref()?.identity
    if (identity === undefined || this.#isEnded) return
    try {
      const generation = await this.#tier.raiseGeneration(identity, generationOf(identity))
      if (raiseGeneration(identity, generation) === generation) this.#knownIdentity = identity
      this.#watched.deref()?.refresh()
    } catch {
      // The store is slow or gone. The next look follows soon.
    }
    for (const finish of [...this.#waiting]) if (this.isKnown) finish()
    if (this.#isEnded) return
    this.#timer = setTimeout(
      () => void this.#look(),
      this.isKnown ? WATCH_INTERVAL_MS : FIRST_INTERVAL_MS,
    ).unref()
  }
}
