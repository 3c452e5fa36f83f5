import type { ResultTable, Target } from '../../lib/result.ts'
import { type Estimate, estimate, median } from '../../lib/statistics.ts'
import { judged } from '../../lib/target.ts'
import type { Rows } from '../program.ts'
import { isOurs } from './names.ts'

type Row = Rows['hit-ratio']

export function hitRatioTable(rows: Row[]): ResultTable {
  const others = [...new Set(rows.filter(row => !isOurs(row) && !row.is_exact).map(row => row.contestant))]
  return {
    id: 'hit-ratio',
    title: `Hit ratio in %, ${rows[0]?.entries.toLocaleString('en')} entries`,
    columns: [
      { title: 'accesses' },
      { title: 'tls-resumption', digits: 2 },
      { title: 'exact LRU', digits: 2 },
      { title: 'ours - exact', digits: 2 },
      ...others.map(title => ({ title, digits: 2 })),
    ],
    rows: workloadsOf(rows).map(workload => {
      const { ours, exact, all } = of(workload, rows)
      const other = (name: string) => median(all.find(row => row.contestant === name)?.hits ?? [])
      const difference = estimate(ours.hits.map((hits, round) => hits - (exact.hits[round] ?? Number.NaN)))
      return [workload, median(ours.hits), median(exact.hits), difference, ...others.map(other)]
    }),
    samples: `${rows[0]?.hits.length} rounds of other random numbers, the same for all caches; medians`,
    remark:
      'One thread at full speed, which is the hardest case: up to 300 accesses share one time stamp. Zipf and the ' +
      'scan storm (steady Zipf 1.0, and one in six accesses part of a scan of keys that never come again) have ten ' +
      'times as many keys as entries, uniform twice as many. Take + set is a client that takes its ticket and is given ' +
      'another; there is room for 50 or 90 % of the clients, who come as often as Zipf 0.9 says. A loop over more than ' +
      'fits is what LRU is worst at; choosing among samples, ours keeps some. Caches that also count how often a key ' +
      'comes (quick_cache) do better on Zipf.',
  }
}

/** The workload with the worst result of this package. */
export function hitRatioTargets(rows: Row[]): Target[] {
  const shortfalls = workloadsOf(rows).map((workload): { workload: string; value: Estimate } => {
    const { ours, exact } = of(workload, rows)
    return { workload, value: estimate(exact.hits.map((hits, round) => hits - (ours.hits[round] ?? 0))) }
  })
  const [worst] = shortfalls.sort((a, b) => b.value.high - a.value.high)
  if (worst === undefined) throw new RangeError('nothing was measured')
  return [
    judged({
      figure: `hit ratio, exact LRU - ours, the worst of ${shortfalls.length} (${worst.workload})`,
      atMost: 0.3,
      unit: 'points',
      value: worst.value,
    }),
  ]
}

function workloadsOf(rows: Row[]): string[] {
  return [...new Set(rows.map(row => row.workload))]
}

function of(workload: string, rows: Row[]) {
  const all = rows.filter(row => row.workload === workload)
  const [ours, exact] = [all.find(isOurs), all.find(row => row.is_exact)]
  if (!ours || !exact) throw new RangeError(`${workload} was not measured`)
  return { ours, exact, all }
}
