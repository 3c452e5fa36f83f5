export const ENTRIES = 1_000_000
/** Bytes. */
export const BLOB = 1024

export interface Held {
  /** Milliseconds. */
  fill: number
  /** Resident bytes beyond those of the process before. */
  resident: number
  /** Median milliseconds of several full collections. */
  fullGc: number
  /** Milliseconds of the collections of young objects while sessions came: median, longest and sum. */
  minorGc: { median: number; longest: number; all: number }
}
