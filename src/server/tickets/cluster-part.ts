/** What a ring and its cluster expect of each other. */

/** The part of a ring in a cluster. */
export interface ClusterPart {
  /** True if another process makes the keys of this ring, or is to make them. */
  readonly followsPrimary: boolean
  /**
   * Rotates the ring of the primary, to the key if one is given. Resolves when all connected workers have it. Undefined
   * where this process makes the keys itself.
   */
  rotateElsewhere(key?: Uint8Array): Promise<void> | undefined
  /** Resolves when the workers that are connected now have the keys of this ring, of the primary. */
  settled(): Promise<void>
  end(): void
}

/** What the ring of a worker does with news. */
export interface WorkerEvents {
  /** Called once, when the first keys of the primary have come. */
  onPrimary(): void
}
