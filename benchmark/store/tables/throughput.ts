import type { Cell, ResultTable, Target } from '../../lib/result.ts'
import { type Estimate, estimate, median } from '../../lib/statistics.ts'
import { judged } from '../../lib/target.ts'
import type { Rows } from '../program.ts'
import { isOurs, nameOf, OURS, PEERS } from './names.ts'

type Row = Rows['throughput']

const MIXES: Record<string, string> = {
  get: 'get, all hits',
  read90: '90 % get, 10 % set',
  read50: '50 % get, 50 % set',
  'take-set': 'take + set, one operation',
  'set-at-capacity': 'set at capacity',
  delete10: '90 % get, 10 % take; a miss sets',
  'hot-key': 'get of one hot key',
}

/** Returns one table per mix, with all figures. */
export function mixTables(rows: Row[]): ResultTable[] {
  return groups(rows, row => `${row.mix} ${row.entries} ${row.blob}`).map(rows => {
    const { mix, entries, blob } = first(rows)
    return {
      id: mix,
      title: `${MIXES[mix]}; ${entries.toLocaleString('en')} entries of ${blob} B`,
      columns: [
        { title: 'threads' },
        { title: 'cache' },
        { title: 'Mop/s', digits: 2 },
        { title: 'ours / this', digits: 2 },
        { title: 'p50', unit: 'ns' },
        { title: 'p99', unit: 'ns' },
        { title: 'p99.9', unit: 'µs', digits: 1 },
        { title: 'max', unit: 'µs', digits: 0 },
        { title: 'hits', unit: '%', digits: 1 },
        { title: 'most over max' },
      ],
      rows: rows.map(row => [
        row.threads,
        nameOf(row.contestant),
        rateOf(row),
        oursOver(row, rows),
        row.latency[0],
        row.latency[1],
        row.latency[2] / 1000,
        row.latency[3] / 1000,
        row.hits === null ? null : row.hits * 100,
        row.over_capacity,
      ]),
      samples: samplesOf(rows),
      remark: `${PEERS} Every 16th operation is timed, reading the clock included; of take + set each half by itself.`,
      chart: { x: 'threads', y: 'Mop/s', series: 'cache' },
    }
  })
}

/** Returns several mixes in one table, with a column for each number of threads. */
export function overview(rows: Row[]): ResultTable {
  const threads = [...new Set(rows.map(row => row.threads))]
  const most = Math.max(...threads)
  const { entries, blob } = first(rows)
  return {
    id: 'mixes',
    title: `Other mixes, Mop/s; ${entries.toLocaleString('en')} entries of ${blob} B`,
    columns: [
      { title: 'mix' },
      { title: 'cache' },
      ...threads.map(each => ({ title: `${each} thread${each === 1 ? '' : 's'}`, digits: 2 })),
      { title: 'ours / this, 2 threads', digits: 2 },
      { title: `p99.9 at ${most}`, unit: 'µs', digits: 1 },
      { title: 'hits', unit: '%', digits: 1 },
      { title: 'most over max' },
    ],
    rows: groups(rows, row => `${row.mix} ${row.contestant}`).map(group => {
      const { mix, contestant } = first(group)
      const at = (threads: number) => group.find(row => row.threads === threads)
      const two = at(2)
      const over = group.map(row => row.over_capacity)
      const hits = at(most)?.hits ?? null
      return [
        MIXES[mix] ?? mix,
        nameOf(contestant),
        ...threads.map(each => medianRate(at(each))),
        two ? oursOver(two, rows) : null,
        (at(most)?.latency[2] ?? 0) / 1000,
        hits === null ? null : hits * 100,
        over.includes(null) ? null : Math.max(...(over as number[])),
      ]
    }),
    samples: samplesOf(rows),
    remark: PEERS,
  }
}

/** From few small entries to many large ones. */
export function sizeTable(rows: Row[]): ResultTable {
  const columns = (what: string) => [
    { title: `${what}, Mop/s`, digits: 2 },
    { title: `${what}, ours / this`, digits: 2 },
    { title: `${what}, p99.9`, unit: 'µs', digits: 1 },
  ]
  return {
    id: 'sizes',
    title: 'Other sizes, 2 threads',
    columns: [
      { title: 'entries' },
      { title: 'blob', unit: 'B' },
      { title: 'cache' },
      ...columns('get'),
      ...columns('take + set'),
    ],
    rows: groups(rows, row => `${row.entries} ${row.blob} ${row.contestant}`).map(group => {
      const { entries, blob, contestant } = first(group)
      const cells = (mix: string): Cell[] => {
        const row = group.find(row => row.mix === mix)
        return row ? [medianRate(row), oursOver(row, rows), row.latency[2] / 1000] : [null, null, null]
      }
      return [entries, blob, nameOf(contestant), ...cells('get'), ...cells('take-set')]
    }),
    samples: samplesOf(rows),
    remark: `${PEERS} With few entries 64 shards hold less than is asked for, and a miss is quick.`,
  }
}

/** Why a ratio to quick_cache may be missed. */
const REASON =
  'tls-resumption copies into and out of blocks in steps that can be read beside a writer, wipes, and hashes to 128 bits; ' +
  'beside a quick_cache that wipes as well, see that row of the table'

/** The ratio of this package to quick_cache, which wipes nothing. */
function versus(rows: Row[], what: string, mix: string, threads: number, atLeast: number): Target {
  const at = (contestant: string) => rowOf(rows, mix, threads, contestant)
  return judged({
    figure: `${what}, ours (wiping) / quick_cache (not wiping), threads: ${threads}`,
    atLeast,
    value: ratios(at(OURS), at('quick_cache')),
    reason: REASON,
  })
}

function rowOf(rows: Row[], mix: string, threads: number, contestant: string): Row {
  const row = rows.find(row => row.mix === mix && row.threads === threads && row.contestant === contestant)
  if (row === undefined) throw new RangeError(`${contestant} was not measured`)
  return row
}

/** `rows` are of a cache that the caches of the processor hold. */
export function inCachesTarget(rows: Row[]): Target {
  return versus(rows, 'take + set of 1 KB, 1,000 entries', 'take-set', 1, 0.8)
}

export function throughputTargets(rows: Row[]): Target[] {
  const at = (mix: string, threads: number) => rowOf(rows, mix, threads, OURS)
  const over = rows.filter(isOurs).map(row => row.over_capacity ?? 0)
  return [
    versus(rows, 'take + set of 1 KB', 'take-set', 1, 1.05),
    versus(rows, 'take + set of 1 KB', 'take-set', 2, 1.2),
    versus(rows, 'take + set of 1 KB', 'take-set', 8, 1.2),
    versus(rows, 'get of one hot key', 'hot-key', 1, 0.8),
    versus(rows, 'get of one hot key', 'hot-key', 2, 1.8),
    judged({
      figure: 'get of one hot key, 2 threads / 1',
      atLeast: 1.8,
      value: ratios(at('hot-key', 2), at('hot-key', 1)),
      reason: 'two threads share two cores with whatever else the machine does',
    }),
    judged({
      figure: 'p99.9 of one operation, take + set by 8 threads',
      atMost: 5,
      unit: 'µs',
      value: estimate(at('take-set', 8).p999s.map(ns => ns / 1000)),
      reason:
        'threads in excess of the cores are suspended in the middle of operations, and memory is shared',
    }),
    judged({
      figure: 'most entries over max, all mixes',
      atMost: 0,
      value: Math.max(...over),
    }),
  ]
}

function samplesOf(rows: Row[]): string {
  return `${first(rows).rates.length} interleaved rounds; medians, with 95 % intervals in parentheses`
}

function rateOf(row: Row): Estimate {
  return estimate(row.rates.map(rate => rate / 1e6))
}

function medianRate(row: Row | undefined): number | null {
  return row ? median(row.rates) / 1e6 : null
}

/** Ratios of paired rounds; none for this package itself. */
function oursOver(row: Row, rows: Row[]): Estimate | null {
  const { mix, entries, blob, threads } = row
  const ours = rows.find(
    other =>
      isOurs(other) &&
      other.mix === mix &&
      other.entries === entries &&
      other.blob === blob &&
      other.threads === threads,
  )
  return ours === undefined || ours === row ? null : ratios(ours, row)
}

function ratios(of: Row, over: Row): Estimate {
  return estimate(of.rates.map((rate, round) => rate / (over.rates[round] ?? Number.NaN)))
}

/** In the order of their first occurrence. */
function groups(rows: Row[], key: (row: Row) => string): Row[][] {
  const groups = new Map<string, Row[]>()
  for (const row of rows) {
    const group = groups.get(key(row))
    if (group) group.push(row)
    else groups.set(key(row), [row])
  }
  return [...groups.values()]
}

function first(rows: Row[]): Row {
  if (rows[0] === undefined) throw new RangeError('nothing was measured')
  return rows[0]
}
