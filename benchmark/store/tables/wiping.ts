import type { Cell, ResultTable, Target } from '../../lib/result.ts'
import { type Estimate, estimate } from '../../lib/statistics.ts'
import { judged } from '../../lib/target.ts'
import type { Rows } from '../program.ts'
import { isOurs, nameOf } from './names.ts'

type Residue = Rows['residue']

export function residueTable(rows: Residue[]): ResultTable {
  const contestants = [...new Set(rows.map(row => row.contestant))]
  return {
    id: 'residue',
    title: 'What is left of a removed session, % of its bytes',
    columns: [
      { title: 'cache' },
      ...['taken', 'replaced'].flatMap(removal => [
        { title: `${removal}: when the call returns`, digits: 0 },
        { title: `${removal}: a moment later`, digits: 0 },
      ]),
    ],
    rows: contestants.map(contestant => {
      const cells = (removal: string): Cell[] => {
        const row = rows.find(row => row.contestant === contestant && row.removal === removal)
        return row ? [row.at_once, row.later] : [null, null]
      }
      return [nameOf(contestant), ...cells('taken'), ...cells('replaced')]
    }),
    samples: `${rows[0]?.removed} sessions of 1 KB in each way; means`,
    remark:
      'The bytes of the session are searched in all memory that the process can write to, including that of the ' +
      'allocator. They are zero when the removing call returns. Other caches leave them until the memory is reused.',
  }
}

export function residueTargets(rows: Residue[]): Target[] {
  return [
    judged({
      figure: 'bytes of a removed session still in memory when the removing call returns',
      atMost: 0,
      unit: '%',
      value: Math.max(...rows.filter(isOurs).map(row => row.at_once)),
    }),
  ]
}

/** Pairs of runs of the program, with a core that wipes and with one that does not. */
export function wipingTable(
  pairs: { wiping: Rows['throughput'][]; not: Rows['throughput'][] }[],
): ResultTable {
  const threads = [...new Set(pairs.flatMap(pair => pair.wiping.map(row => row.threads)))]
  const at = (rows: Rows['throughput'][], threads: number) =>
    rows.find(row => row.threads === threads)?.rates[0] ?? Number.NaN
  const over = (of: (pair: (typeof pairs)[number]) => number): Estimate => estimate(pairs.map(of))
  return {
    id: 'wiping',
    title: 'What wiping costs: take + set of 1 KB with and without it',
    columns: [
      { title: 'threads' },
      { title: 'wiping, Mop/s', digits: 2 },
      { title: 'not wiping, Mop/s', digits: 2 },
      { title: 'wiping / not', digits: 2 },
    ],
    rows: threads.map(threads => [
      threads,
      over(({ wiping }) => at(wiping, threads) / 1e6),
      over(({ not }) => at(not, threads) / 1e6),
      over(({ wiping, not }) => at(wiping, threads) / at(not, threads)),
    ]),
    samples: `${pairs.length} pairs of processes in turn; medians, with 95 % intervals in parentheses`,
    remark:
      'The core that does not wipe is a patched copy, built only for this table; no option turns wiping off.',
    chart: { x: 'threads', y: 'wiping / not' },
  }
}
