/** Compares whole handshakes of this package's servers with those of Node alone. */
import type { ResultTable, Target } from '../lib/result.ts'
import { type Estimate, estimate } from '../lib/statistics.ts'
import { judged } from '../lib/target.ts'
import type { Effort, HandshakeFigures } from './handshakes.ts'
import { type Kind, kinds, labelOf } from './kinds.ts'

/** The server CPU of a handshake of this package, in parts of that of another server in the same round. */
interface Comparison {
  kind: Kind
  full: Estimate | null
  fullOfHooks: Estimate | null
  /** Of a resumption with Node's own tickets. */
  ofNode: Estimate | null
  /** Of a resumption with the least code in Node's hooks. */
  ofHooks: Estimate | null
  /** Of a full handshake of Node alone. */
  ofFull: Estimate | null
}

function comparisons(figures: readonly HandshakeFigures[]): Comparison[] {
  return kinds.map(kind => {
    const rows = figures.find(each => each.kind === labelOf(kind))?.rows ?? []
    const ratio = (mode: string, other: string): Estimate | null => {
      const [one, two] = [mode, other].map(name => rows.find(row => row.mode === name)?.rounds)
      return one && two ? estimate(one.map((cpu, round) => cpu / (two[round] ?? Number.NaN))) : null
    }
    return {
      kind,
      full: ratio('tls-resumption, full', 'Node alone, full'),
      fullOfHooks: ratio('tls-resumption, full', 'bare hooks, full'),
      ofNode: ratio('tls-resumption', 'Node alone'),
      ofHooks: ratio('tls-resumption', 'bare hooks'),
      ofFull: ratio('tls-resumption', 'Node alone, full'),
    }
  })
}

export function endToEndTable(
  figures: readonly HandshakeFigures[],
  { rounds, connections }: Effort,
): ResultTable {
  return {
    id: 'end-to-end',
    title: 'What a server pays for this package, and what it gains',
    columns: [
      { title: 'kind' },
      { title: 'full, of Node alone' },
      { title: 'full, of bare hooks' },
      { title: 'resumed, of Node’s own tickets' },
      { title: 'resumed, of bare hooks' },
      { title: 'resumed, of a full one of Node alone' },
    ],
    rows: comparisons(figures).map(({ kind, full, fullOfHooks, ofNode, ofHooks, ofFull }) => [
      labelOf(kind),
      full,
      fullOfHooks,
      ofNode,
      ofHooks,
      ofFull,
    ]),
    samples: `${rounds} interleaved rounds of ${connections} connections, in each of which both servers are measured`,
    remark: `All server CPU of a connection, end to end: each server is a process of its own, and clients are another one. With Node's own
tickets a resumed client gets no new ticket, so a TLS 1.3 client that uses each ticket once runs out of them. This package
gives it one, as the bare hooks do. Node alone has no session IDs; bare hooks contain what Node spends on their events.`,
  }
}

const REASON = `The package looks again at the certificate of a resumed client, and Node calls JavaScript for each ticket. Tried: Node's
own ticket keys (no retired keys, no new tickets for TLS 1.3), wiping the key later (0.7 % less), and the dates of the certificate
without an object for it (no difference).`

const REASON_OF_RENEWAL = `Both give a new ticket. This package also looks at the certificate of the client, counts, and wipes its copy of
the key. Tried: wiping later (0.7 % less, and keys stay longer), reading the dates by the native handle (no difference), and keeping
them by the ticket (refused: an expiry would rest on undocumented hooks).`

const REASON_OF_FULL = `Node calls JavaScript to seal a ticket or to store a session, and the package notes until when the client may resume.
Tried and kept: the end of the certificate from its DER (125 to 2 µs), and one counter in place of look-ups for revocations (2.2 to
0.6 µs). Tried: Node's own ticket keys (no retired keys, no counts).`

export function endToEndTargets(figures: readonly HandshakeFigures[]): Target[] {
  const all = comparisons(figures)
  const worst = (
    figure: string,
    atMost: number,
    isMeant: (kind: Kind) => boolean,
    ratioOf: (each: Comparison) => Estimate | null,
    reason?: string,
  ): Target[] => {
    const ratios = all.filter(({ kind }) => isMeant(kind)).map(ratioOf)
    const [value] = ratios.filter(ratio => ratio !== null).sort((a, b) => b.median - a.median)
    return value
      ? [judged({ figure: `${figure}, worst kind`, atMost, value, ...(reason ? { reason } : {}) })]
      : []
  }
  return [
    ...worst(
      'server CPU of a TLS 1.2 resumption by ticket, of that with Node’s own tickets',
      1.05,
      ({ version }) => version === 'TLSv1.2',
      ({ ofNode }) => ofNode,
      REASON,
    ),
    ...worst(
      'server CPU of a TLS 1.3 resumption by ticket, of that with a bare hook that renews',
      1.05,
      ({ version }) => version === 'TLSv1.3',
      ({ ofHooks }) => ofHooks,
      REASON_OF_RENEWAL,
    ),
    ...worst(
      'server CPU of a full handshake with tickets, of that of Node alone',
      1.03,
      ({ mechanism }) => mechanism === 'tickets',
      ({ full }) => full,
      REASON_OF_FULL,
    ),
    ...worst(
      'server CPU of a full handshake with session IDs, of that with bare hooks',
      1.03,
      ({ mechanism }) => mechanism === 'ids',
      ({ fullOfHooks }) => fullOfHooks,
      REASON_OF_FULL,
    ),
  ]
}
