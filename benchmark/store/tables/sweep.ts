import type { ResultTable } from '../../lib/result.ts'
import { estimate } from '../../lib/statistics.ts'
import type { Rows } from '../program.ts'
import { nameOf } from './names.ts'

export function sweepTable(rows: Rows['sweep'][]): ResultTable {
  return {
    id: 'sweep',
    title: `A sweep of ${rows[0]?.entries.toLocaleString('en')} entries of 1 KB, and what a reader feels of it`,
    columns: [
      { title: 'expired', unit: '%' },
      { title: 'cache' },
      { title: 'sweep', unit: 'ms', digits: 2 },
      { title: 'get p50', unit: 'ns' },
      { title: 'get p99.9', unit: 'µs', digits: 1 },
      { title: 'get max', unit: 'µs', digits: 0 },
    ],
    rows: rows.map(({ expired, contestant, sweeps, latency: [p50, , p999, max] }) => [
      expired,
      nameOf(contestant),
      estimate(sweeps.map(ns => ns / 1e6)),
      p50,
      p999 / 1000,
      max / 1000,
    ]),
    samples: `${rows[0]?.sweeps.length} interleaved rounds; medians, with 95 % intervals in parentheses`,
    remark:
      'Another thread reads during the sweep, live entries first. This store sweeps in steps that keep no reader waiting, ' +
      'and wipes. moka removes expired entries in `run_pending_tasks()`, called until nothing more is removed; some were ' +
      'removed by readers before. `Mutex<lru>` is the simple way: `retain` under the lock.',
  }
}
