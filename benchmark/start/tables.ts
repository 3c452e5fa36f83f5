import Table from 'cli-table3'
import { endpoints } from './endpoints.ts'
import type { Options } from './options.ts'
import type { ProcessesSummary } from './processes.ts'
import { SERVER_THREADS } from './run.ts'
import type { ModeSummary } from './summary.ts'

/** Returns the comparison as text: the run, the modes, and the modes by kind of endpoint. */
export function render(summaries: readonly ModeSummary[], options: Options): string {
  return [caption(options), modes(summaries), byKind(summaries), notes(summaries, options)].join('\n\n')
}

/** Returns the comparison of processes as text. */
export function renderProcesses({ processes, endpoints, first, again }: ProcessesSummary): string {
  const table = new Table({
    head: [`${processes} processes that share a file`, 'connections', 'full handshakes', 'expected'],
    colAligns: ['left', 'right', 'right', 'left'],
    style: plain,
  })
  table.push(
    ['first start', integer(first.connections), integer(first.full), `E = ${endpoints}`],
    ['all killed, started again', integer(again.connections), integer(again.full), 'none = 0'],
  )
  return table.toString()
}

const certificates = {
  rsa: 'RSA 2048 certificates, where resuming saves most (--algorithm ecdsa for the other case).',
  ecdsa: 'ECDSA P-256 certificates, where resuming saves less than with RSA (--algorithm rsa).',
} as const

function caption({ algorithm, workers, rounds, shareContexts }: Options): string {
  return [
    certificates[algorithm],
    `W = ${workers} client threads, each connecting ${rounds} times to each of E = ${endpoints.length} endpoints ` +
      `on loopback, one connection after another;`,
    `the endpoints live in ${SERVER_THREADS} more threads. Each endpoint was warmed once: before the measured part, ` +
      `one client thread`,
    `connected to it one time.${shareContexts ? '' : ' Every connection gets copies of its CA, certificate and key, as in drivers.'}`,
  ].join('\n')
}

function modes(summaries: readonly ModeSummary[]): string {
  const table = new Table({
    head: [
      'resumption',
      'connections/s',
      'client CPU µs\nper connection',
      'server CPU µs\nper connection',
      'resumed',
      'full handshakes\nwith warm-up',
      'expected',
    ],
    colAligns: ['left', 'right', 'right', 'right', 'right', 'right', 'left'],
    style: plain,
  })
  for (const summary of summaries) {
    table.push([
      summary.mode,
      integer(summary.connectionsPerSecond),
      cpu(summary.clientCpuUs),
      cpu(summary.serverCpuUs),
      percent(summary.resumedPercent),
      integer(summary.fullHandshakes),
      `${expectations[summary.mode]} = ${integer(summary.expectedFullHandshakes)}`,
    ])
  }
  return table.toString()
}

const expectations = { none: 'all', 'per-thread': 'W x E', 'tls-resumption': 'E' } as const

function byKind(summaries: readonly ModeSummary[]): string {
  const table = new Table({
    head: ['endpoint', ...summaries.map(({ mode }) => `${mode}\nresumed, median ms`)],
    colAligns: ['left', ...summaries.map(() => 'right' as const)],
    style: plain,
  })
  for (const [index, { kind }] of (summaries[0]?.kinds ?? []).entries()) {
    table.push([
      kind,
      ...summaries.map(({ kinds }) => {
        const of = kinds[index]
        return of === undefined ? '' : `${percent(of.resumedPercent)}, ${of.medianMs.toFixed(2)}`
      }),
    ])
  }
  return table.toString()
}

function notes(summaries: readonly ModeSummary[], { shareContexts }: Options): string {
  const lines = ['Milliseconds are from dialling to the echo of one byte, with all threads at work.']
  if (summaries.some(({ mode }) => mode === 'tls-resumption')) {
    lines.push(...(shareContexts ? sharedContexts : ownContexts))
  }
  if (summaries.some(({ clientCpuUs, serverCpuUs }) => clientCpuUs === null || serverCpuUs === null)) {
    lines.push('n/a: this platform and version of Node.js cannot tell the CPU time of a thread.')
  }
  return lines.join('\n')
}

/** Printed because it causes most of the lead over `per-thread`, and because it needs no package. */
const ownContexts = [
  'tls-resumption also keeps one SecureContext for equal options, where the other modes build one for each',
  'connection. Most of its lead over per-thread in client CPU is that: compare with --share-contexts.',
]

const sharedContexts = [
  'All modes keep one SecureContext for equal options, so only resumption tells them apart (--share-contexts).',
]

/** Without colours, so that a redirected table is plain text. */
const plain = { head: [], border: [] }

function integer(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}

function cpu(microseconds: number | null): string {
  return microseconds === null ? 'n/a' : integer(microseconds)
}

/** Never rounded up to 100: one full handshake among thousands has to be visible. */
function percent(value: number): string {
  return value === 100 ? '100 %' : `${(Math.floor(value * 10) / 10).toFixed(1)} %`
}
