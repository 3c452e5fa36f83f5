import type { Estimate } from './statistics.ts'

/** What a benchmark leaves behind: the file `benchmark/results/<name>.json`. */
export interface Result {
  /** The benchmark's, as in `npm run bench:<name>`. */
  name: string
  /** Repeats it. */
  command: string
  /** When it was measured, as `2026-01-31`. */
  date: string
  /** The short hash of the commit that was measured; ends with `+` where the tree had changes beside it. */
  commit: string
  machine: { cpu: string; cpus: number; memory: string; system: string; load: number[] }
  versions: Record<string, string>
  tables: ResultTable[]
  /** What was aimed at, and whether it was reached. */
  targets: Target[]
}

export interface ResultTable {
  /** Unique within its benchmark: with its name, the place of the table in the documents. */
  id: string
  title: string
  columns: Column[]
  /** As many cells a row as there are columns. */
  rows: Cell[][]
  /** How often each figure was measured: `20 interleaved rounds of 48 connections`. */
  samples: string
  /** What to know when reading it, in Markdown. */
  remark?: string
  /** A table without it has no picture. */
  chart?: Chart
  /** True if only the full record has the table, and neither `benchmark/results` nor the documents. */
  isDetail?: boolean
}

export interface Column {
  title: string
  /** Stands behind the title: `µs`, `ms`, `MB`. */
  unit?: string
  /** Digits behind the point; as many as matter when left out. */
  digits?: number
}

/** An {@link Estimate} is a median with its 95 % interval. */
export type Cell = string | number | Estimate | null

/** Bars: a group for each value of column `x`, one bar in it for each value of `series`, as high as `y`. */
export interface Chart {
  /** Titles of columns. */
  x: string
  y: string
  series?: string
  /** For figures that differ by more than a hundred times. */
  logarithmic?: boolean
}

/** A target is met when the far end of the interval meets it. */
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
