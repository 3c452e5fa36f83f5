import type { Elsewhere, PeerFindings, Timing, VersionFindings } from './findings.js'
import type { Spread } from './statistics.js'
import { titleOf } from './verdict.js'

/** Emphasizes a text for a terminal. Returns it unchanged if the output is no terminal. */
export type Paint = (style: 'bold' | 'dim' | 'red' | 'green' | 'yellow', text: string) => string

/** Returns the findings about a peer as text: one column for each version of TLS, then the verdict and notes. */
export function tableOf(findings: PeerFindings, paint: Paint, width: number): string {
  const { peer, address, startTls, versions, notSpoken, contacts, resumes, verdict, notes } = findings
  const how = [address, startTls && `STARTTLS of ${startTls}`].filter(Boolean).join(', ')
  const head = `${paint('bold', peer)}${how ? `  ${paint('dim', how)}` : ''}`
  const tables = versions.length > 0 ? fitting(versions, width - INDENTATION.length) : []
  const sentence = (text: string) => wrapped(`${text}.`, width - INDENTATION.length)
  const colour = resumes === undefined ? 'red' : resumes ? 'green' : 'yellow'
  const body = [
    ...tables.map(([first = '', ...rest]) => `${paint('dim', first)}${rest.join('')}`.trimEnd()),
    ...sentence(verdict).map(line => paint(colour, line)),
    ...(versions.length > 0
      ? notSpoken.flatMap(({ version, error }) => sentence(`${titleOf(version)}: ${error}`))
      : []),
    ...versions.flatMap(({ version, incomplete }) =>
      incomplete ? sentence(`${titleOf(version)} was not examined completely: ${incomplete}`) : [],
    ),
    ...notes.flatMap(sentence),
    ...(contacts.length > 1 ? [paint('dim', `${contacts.length} connections, one after the other.`)] : []),
  ]
  return [head, ...body.map(line => `${INDENTATION}${line}`.trimEnd()), ''].join('\n')
}

const INDENTATION = '  '

/** Breaks a text between words. A word that is too long has a line of its own. */
function wrapped(text: string, width: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line)
      line = ''
    }
    line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line]
}

/** Returns the rows of one table with all versions. If that is too wide, those of a table for each, with cells of several lines. */
function fitting(versions: readonly VersionFindings[], width: number): string[][] {
  const rows = lines(versions)
  const widest = Math.max(...rows.map(row => row.join('').trimEnd().length))
  if (widest <= width) return rows
  return versions.flatMap(one =>
    lines([one]).flatMap(([title = '', cell = '']) =>
      wrapped(cell.trimEnd(), width - title.length).map((line, index) =>
        index === 0 ? [title, line] : [' '.repeat(title.length), line],
      ),
    ),
  )
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
    ({ sessions, sizeBytes, by }) =>
      `${sessions}${sizeBytes ? `, ${sizeBytes} bytes` : ''}${by === 'session-id' ? ' of session ID' : ''}`,
  ],
  [
    'sessions of a resumed handshake',
    ({ renewed }) =>
      renewed === undefined ? undefined : renewed === 0 ? '0, not renewed' : `${renewed}, renewed`,
  ],
  [
    'lifetime hint',
    ({ lifetimeHintSeconds, by }) =>
      by === undefined
        ? undefined
        : lifetimeHintSeconds === undefined
          ? 'none'
          : duration(lifetimeHintSeconds),
  ],
  [
    '0-RTT data',
    ({ earlyDataBytes }) =>
      earlyDataBytes === undefined
        ? undefined
        : earlyDataBytes === 0
          ? 'no'
          : `up to ${earlyDataBytes} bytes`,
  ],
  ['offered a second time', reuseOf],
  ['under another server name', ({ underOtherName }) => bound(underOtherName)],
  ['under another ALPN', ({ underOtherAlpn }) => bound(underOtherAlpn)],
  ['at other addresses', ({ atOtherAddresses }) => atOthers(atOtherAddresses)],
  [
    'unused sessions accepted',
    ({ taken }) => (taken.offered > 0 ? `${taken.resumed} of ${taken.offered}` : undefined),
  ],
  ['full handshake', ({ timing }) => timing && milliseconds(timing.full.handshakeMs)],
  ['resumed handshake', ({ timing }) => timing && milliseconds(timing.resumed.handshakeMs)],
  ['CPU of this process, full', ({ timing }) => timing && milliseconds(timing.full.cpuMs)],
  ['CPU of this process, resumed', ({ timing }) => timing && milliseconds(timing.resumed.cpuMs)],
  ['saved in 1000 connections', ({ timing }) => timing && saved(timing)],
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

/** Says nothing where noise decides: a difference counts if neither median is within the range of the other kind. */
function saved({ full, resumed, savedPerThousand }: Timing): string {
  const isMeasurable = (what: 'cpuMs' | 'handshakeMs') =>
    resumed[what].median < full[what].least && full[what].median > resumed[what].largest
  const found = [
    ...(isMeasurable('cpuMs') ? [`${figure(savedPerThousand.cpuSeconds)} s of CPU`] : []),
    ...(isMeasurable('handshakeMs') ? [`${figure(savedPerThousand.handshakeSeconds)} s of waiting`] : []),
  ]
  return found.join(', ') || 'no measurable difference'
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
