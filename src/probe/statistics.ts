/** A median with the smallest and the largest value. */
export interface Spread {
  median: number
  least: number
  largest: number
}

/** Returns the spread of at least one value. */
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
