import { median, quantileSorted, sampleWithReplacement } from 'simple-statistics'

export interface Estimate {
  median: number
  /** The 95 % interval of the median, by bootstrap. */
  low: number
  high: number
}

export function estimate(values: readonly number[]): Estimate {
  const medians = Array.from({ length: 2000 }, () =>
    median(sampleWithReplacement([...values], values.length)),
  ).sort((a, b) => a - b)
  return {
    median: median([...values]),
    low: quantileSorted(medians, 0.025),
    high: quantileSorted(medians, 0.975),
  }
}

export { median }
