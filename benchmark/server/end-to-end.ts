/** Compares whole handshakes of this package's servers with those of Node alone. */
import type { ResultTable, Target } from '../lib/result.ts'
import { type Estimate, estimate } from '../lib/statistics.ts'
import type { Effort, HandshakeFigures } from './handshakes.ts'
import { type Kind, kinds, labelOf } from './kinds.ts'

const OURS = 'tls-resumption'

interface Comparison {
  kind: Kind
  handshake: 'full' | 'resumed'
  /** The other server. */
  mode: string
  /** Microseconds of server CPU. */
  ours: Estimate
  theirs: Estimate
  /** Of the same rounds. */
  ratio: Estimate
}

function comparisons(figures: readonly HandshakeFigures[]): Comparison[] {
  return kinds.flatMap(kind => {
    const rows = figures.find(each => each.kind === labelOf(kind))?.rows ?? []
    return PAIRS.flatMap(([handshake, mode]) => {
      const suffix = handshake === 'full' ? ', full' : ''
      const [ours, theirs] = [OURS, mode].map(each => rows.find(row => row.mode === `${each}${suffix}`))
      if (ours === undefined || theirs === undefined) return []
      const ratios = ours.rounds.map((cpu, round) => cpu / (theirs.rounds[round] ?? Number.NaN))
      return [
        { kind, handshake, mode, ours: ours.serverCpu, theirs: theirs.serverCpu, ratio: estimate(ratios) },
      ]
    })
  })
}

const PAIRS = [
  ['full', 'Node alone'],
  ['resumed', 'Node alone'],
  ['resumed', 'hook that renews'],
  ['resumed', 'tls-session-cache'],
] as const

export function endToEndTable(
  figures: readonly HandshakeFigures[],
  { rounds, connections }: Effort,
): ResultTable {
  return {
    id: 'end-to-end',
    title: 'What this package costs a server, end to end',
    columns: [
      { title: 'kind' },
      { title: 'handshake' },
      { title: 'compared with' },
      { title: 'its server CPU', unit: 'µs', digits: 0 },
      { title: 'of tls-resumption', unit: 'µs', digits: 0 },
      { title: 'ratio' },
    ],
    rows: comparisons(figures).map(({ kind, handshake, mode, ours, theirs, ratio }) => [
      labelOf(kind),
      handshake,
      mode,
      theirs,
      ours,
      ratio,
    ]),
    samples: `${rounds} interleaved rounds of ${connections} connections; each server is a process of its own`,
    remark: `All CPU of the server process, its connections included, from the table above. *ratio* is that of the same rounds.
Node's own tickets are resumed without a new ticket, so a TLS 1.3 client that uses each ticket once runs out of them. The
package gives it a new one each time, as \`hook that renews\` does.`,
  }
}

export function endToEndTargets(figures: readonly HandshakeFigures[]): Target[] {
  const all = comparisons(figures)
  const worst = (figure: string, atMost: number, isMeant: (each: Comparison) => boolean): Target[] => {
    const [ratio] = all
      .filter(isMeant)
      .map(each => each.ratio)
      .sort((a, b) => b.median - a.median)
    return ratio === undefined ? [] : [{ figure, atMost, value: ratio, reason: REASON }]
  }
  return [
    ...worst(
      'server CPU of a TLS 1.2 resumption by ticket, of that with Node’s own tickets, worst kind',
      1.05,
      ({ kind, handshake, mode }) =>
        kind.version === 'TLSv1.2' && handshake === 'resumed' && mode === 'Node alone',
    ),
    ...worst(
      'server CPU of a TLS 1.3 resumption by ticket, of that with a hook that renews, worst kind',
      1.05,
      ({ kind, handshake, mode }) =>
        kind.version === 'TLSv1.3' && handshake === 'resumed' && mode === 'hook that renews',
    ),
    ...worst(
      'server CPU of a full handshake, of that of Node alone, worst kind',
      1.03,
      ({ handshake, mode }) => handshake === 'full' && mode === 'Node alone',
    ),
  ]
}

const REASON = `The servers differ in two processes, whose CPU varies by some percent from run to run.`
