/** A median with the least and the largest. */
export interface Spread {
  median: number
  least: number
  largest: number
}

/** @param values one at least. */
export function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (index: number) => sorted[index] ?? Number.NaN
  const middle = (sorted.length - 1) / 2
  return {
    median: (at(Math.floor(middle)) + at(Math.ceil(middle))) / 2,
    least: at(0),
    largest: at(sorted.length - 1),
  }
}
