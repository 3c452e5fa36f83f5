export const ENTRIES = 1_000_000
/** Bytes. */
export const BLOB = 1024

export interface Held {
  /** Milliseconds. */
  fill: number
  /** Bytes resident beyond those of the process before. */
  resident: number
  /** Milliseconds of a full collection: the median of several. */
  fullGc: number
  /** Milliseconds of the collections of young objects while sessions came: median, longest, all together. */
  minorGc: { median: number; longest: number; all: number }
}
