import type { ResultTable, Target } from '../../lib/result.ts'
import { estimate, median } from '../../lib/statistics.ts'
import { judged } from '../../lib/target.ts'
import type { Rows } from '../program.ts'
import { isOurs, nameOf } from './names.ts'

type Row = Rows['memory']

export function memoryTable(rows: Row[]): ResultTable {
  return {
    id: 'memory',
    title: 'Resident memory',
    columns: [
      { title: 'capacity' },
      { title: 'entries' },
      { title: 'blob', unit: 'B' },
      { title: 'cache' },
      { title: 'resident', unit: 'MB', digits: 1 },
      { title: 'an entry beyond its blob', unit: 'B', digits: 0 },
    ],
    rows: rows.map(row => [
      row.capacity,
      row.entries,
      row.blob,
      nameOf(row.contestant),
      median(row.resident) / 1e6,
      row.entries === 0 ? null : median(beyond(row)),
    ]),
    samples: `${rows[0]?.resident.length} processes each; medians`,
    remark:
      'Over what was resident before the cache was made, each in a process of its own. Pages become resident as they ' +
      'are first written to. moka holds an `Arc<Box<[u8]>>`, some 32 B larger than an `Arc<[u8]>`.',
  }
}

export function roundingTable(rows: Row[]): ResultTable {
  return {
    ...memoryTable(rows),
    id: 'rounding',
    title: 'Resident memory, where blobs do not fill their blocks',
    remark:
      'What a blob leaves unused of its last block comes on top of the figures above; of 1025 B it is the most.',
  }
}

/** `rows` are of blobs that fill their blocks. */
export function memoryTargets(rows: Row[]): Target[] {
  const ours = (capacity: number, entries: number) => {
    const row = rows.find(row => isOurs(row) && row.capacity === capacity && row.entries === entries)
    if (row === undefined) throw new RangeError(`${entries} of ${capacity} were not measured`)
    return row
  }
  const megabytes = (row: Row) => estimate(row.resident.map(bytes => bytes / 1e6))
  return [
    judged({
      figure: 'resident, a cache for 10M entries, empty',
      atMost: 1,
      unit: 'MB',
      value: megabytes(ours(10_000_000, 0)),
    }),
    judged({
      figure: 'resident, a cache for 10M entries with 50,000 of 1 KB',
      atMost: 100,
      unit: 'MB',
      value: megabytes(ours(10_000_000, 50_000)),
    }),
    judged({
      figure: 'an entry beyond its blob, 1M of 1 KB, which fill their blocks',
      atMost: 96,
      unit: 'B',
      value: estimate(beyond(ours(1_000_000, 1_000_000))),
    }),
  ]
}

/** Bytes, per round. */
function beyond({ resident, entries, blob }: Row): number[] {
  return resident.map(bytes => bytes / entries - blob)
}
