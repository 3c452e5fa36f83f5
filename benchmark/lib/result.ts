import type { Estimate } from './statistics.ts'

/** The full record of a benchmark. Its summary is `benchmark/results/<name>.json`. */
export interface Result {
  /** The name as in `npm run bench:<name>`. */
  name: string
  /** The command that repeats it. */
  command: string
  /** The date of the run, as `2026-01-31`. */
  date: string
  /** The short hash of the measured commit. Ends with `+` if the tree had other changes. */
  commit: string
  machine: { cpu: string; cpus: number; memory: string; system: string; load: number[] }
  versions: Record<string, string>
  tables: ResultTable[]
  /** The targets, and the figures that were measured for them. */
  targets: Target[]
}

export interface ResultTable {
  /** Unique in its benchmark. Documents name a table by both. */
  id: string
  title: string
  columns: Column[]
  /** Each row has a cell for each column. */
  rows: Cell[][]
  /** How often each figure was measured: `20 interleaved rounds of 48 connections`. */
  samples: string
  /** What a reader has to know, in Markdown. */
  remark?: string
  /** A table without it has no picture. */
  chart?: Chart
  /** True if only the full record has the table, and neither `benchmark/results` nor the documents. */
  isDetail?: boolean
}

export interface Column {
  title: string
  /** Printed after the title: `µs`, `ms`, `MB`. */
  unit?: string
  /** Digits after the point. By default, as many as are significant. */
  digits?: number
}

/** An {@link Estimate} is a median with its 95 % interval. */
export type Cell = string | number | Estimate | null

/**
 * A bar chart: a group for each value of column `x`, a bar in it for each value of `series`, with the height `y`.
 */
export interface Chart {
  /** Titles of columns. */
  x: string
  y: string
  series?: string
  /** For figures that differ by a factor of more than a hundred. */
  logarithmic?: boolean
}

/** A target is met if the far end of the interval meets it. */
export interface Target {
  figure: string
  atMost?: number
  atLeast?: number
  value: number | Estimate
  unit?: string
  /** Why it was missed, and what was tried. */
  reason?: string
}

export function isMet({ atMost = Infinity, atLeast = -Infinity, value }: Target): boolean {
  const { low, high } = typeof value === 'number' ? { low: value, high: value } : value
  return high <= atMost && low >= atLeast
}
