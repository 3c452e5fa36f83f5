import type { Elsewhere, PeerFindings, VersionFindings } from './findings.js'
import type { Spread } from './statistics.js'
import { titleOf } from './verdict.js'

/** Emphasizes a text for a terminal. Returns it unchanged if the output is no terminal. */
export type Paint = (style: 'bold' | 'dim' | 'red' | 'green' | 'yellow', text: string) => string

/** Returns the findings about a peer as text: one column for each version of TLS, then the verdict and notes. */
export function tableOf(findings: PeerFindings, paint: Paint): string {
  const { peer, address, startTls, versions, notSpoken, contacts, resumes, verdict, notes } = findings
  const how = [address, startTls && `STARTTLS of ${startTls}`].filter(Boolean).join(', ')
  const head = `${paint('bold', peer)}${how ? `  ${paint('dim', how)}` : ''}`
  const rows = versions.length > 0 ? lines(versions) : []
  const colour = resumes === undefined ? 'red' : resumes ? 'green' : 'yellow'
  return [
    head,
    ...rows.map(([first = '', ...rest]) => `  ${paint('dim', first)}${rest.join('')}`.trimEnd()),
    `  ${paint(colour, `${verdict}.`)}`,
    ...(versions.length > 0 ? notSpoken.map(({ version, error }) => `  ${titleOf(version)}: ${error}.`) : []),
    ...versions.flatMap(({ version, incomplete }) =>
      incomplete ? [`  ${titleOf(version)} was not examined completely: ${incomplete}.`] : [],
    ),
    ...notes.map(note => `  ${note}.`),
    ...(contacts.length > 1
      ? [`  ${paint('dim', `${contacts.length} connections, one after the other.`)}`]
      : []),
    '',
  ].join('\n')
}

type Row = [title: string, cell: (findings: VersionFindings) => string | undefined]

const ROWS: readonly Row[] = [
  ['', ({ version }) => titleOf(version)],
  [
    'resumes',
    ({ resumes, by, byIdToo }) =>
      resumes ? `by ${mechanismOf(by)}${byIdToo ? ', and by session ID' : ''}` : 'no',
  ],
  [
    'sessions of a full handshake',
    ({ sessions, size, by }) =>
      `${sessions}${size ? `, ${size} bytes` : ''}${by === 'session-id' ? ' of session ID' : ''}`,
  ],
  [
    'sessions of a resumed handshake',
    ({ renewed }) =>
      renewed === undefined ? undefined : renewed === 0 ? '0, not renewed' : `${renewed}, renewed`,
  ],
  [
    'lifetime hint',
    ({ lifetimeHint, by }) =>
      by === undefined ? undefined : lifetimeHint === undefined ? 'none' : duration(lifetimeHint),
  ],
  ['offered a second time', reuseOf],
  ['under another server name', ({ underOtherName }) => bound(underOtherName)],
  ['under another ALPN', ({ underOtherAlpn }) => bound(underOtherAlpn)],
  ['at other addresses', ({ atOtherAddresses }) => atOthers(atOtherAddresses)],
  [
    'unused sessions accepted',
    ({ taken }) => (taken.offered > 0 ? `${taken.resumed} of ${taken.offered}` : undefined),
  ],
  ['full handshake', ({ timing }) => timing && milliseconds(timing.full.handshake)],
  ['resumed handshake', ({ timing }) => timing && milliseconds(timing.resumed.handshake)],
  ['CPU of this process, full', ({ timing }) => timing && milliseconds(timing.full.cpu)],
  ['CPU of this process, resumed', ({ timing }) => timing && milliseconds(timing.resumed.cpu)],
  ['saved in 1000 connections', ({ timing }) => timing && saved(timing.savedPerThousand)],
]

/** Returns the rows in which at least one version has a cell. */
function lines(versions: readonly VersionFindings[]): string[][] {
  const rows = ROWS.map(([title, cell]) => [title, ...versions.map(one => cell(one) ?? '')]).filter(
    ([, ...cells]) => cells.some(cell => cell !== ''),
  )
  const widths = ['', ...versions].map((_, column) => Math.max(...rows.map(row => row[column]?.length ?? 0)))
  return rows.map(row => row.map((cell, column) => cell.padEnd((widths[column] ?? 0) + 2)))
}

function mechanismOf(by: VersionFindings['by']): string {
  return by === 'session-id' ? 'session ID' : 'ticket'
}

/** A peer that rejects unused sessions as well does not prove single use by rejecting a used one. */
function reuseOf({ reuse, taken }: VersionFindings): string | undefined {
  if (reuse === undefined) return undefined
  if (reuse === 'resumed') return 'accepted again'
  return taken.resumed < taken.offered ? 'rejected' : 'single use'
}

function bound(elsewhere: Elsewhere | undefined): string | undefined {
  if (elsewhere === undefined) return undefined
  if (elsewhere.outcome === 'failed') return 'no handshake'
  return elsewhere.outcome === 'resumed' ? 'accepted: not bound' : 'rejected: bound'
}

function atOthers(others: VersionFindings['atOtherAddresses']): string | undefined {
  if (others.length === 0) return undefined
  const count = (outcome: Elsewhere['outcome']) => others.filter(other => other.outcome === outcome).length
  const failed = count('failed')
  return `accepted at ${count('resumed')} of ${others.length}${failed > 0 ? `, ${failed} failed` : ''}`
}

function milliseconds({ median, least, largest }: Spread): string {
  return `${figure(median)} ms (${figure(least)}-${figure(largest)})`
}

function saved({ handshake, cpu }: { handshake: number; cpu: number }): string {
  return `${figure(cpu)} s of CPU, ${figure(handshake)} s of waiting`
}

function figure(value: number): string {
  return value.toFixed(Math.abs(value) < 10 ? 2 : Math.abs(value) < 100 ? 1 : 0)
}

/** Formats seconds as in `7200 s (2 h)`. */
function duration(seconds: number): string {
  for (const [unit, length] of [
    ['days', 86_400],
    ['h', 3600],
    ['min', 60],
  ] as const) {
    if (seconds >= length) return `${seconds} s (${Number((seconds / length).toFixed(1))} ${unit})`
  }
  return `${seconds} s`
}
