/** Keeps what `npm run test:probe -- --record` found, and writes its table in `docs/results/probe.md`. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import type { PeerFindings, VersionFindings } from '../../dist/probe/findings.js'
import { Generated } from '../drivers/generated.ts'

/** An entry of `benchmark/results/probe.json`. */
export interface Entry {
  server: string
  serverVersion: string
  node: string
  verdict: string
  connections: number
  /** The evidence that agrees with the probe. */
  confirmedBy: ('wire' | 'capture')[]
  versions: Pick<
    VersionFindings,
    | 'version'
    | 'resumes'
    | 'by'
    | 'byIdToo'
    | 'sessions'
    | 'renewed'
    | 'lifetimeHintSeconds'
    | 'reuse'
    | 'underOtherName'
  >[]
}

const results = new URL('../../benchmark/results/', import.meta.url)
const file = new URL('probe.json', results)

/** The table in its document. */
export const inDocument: Generated = new Generated('docs/results/probe.md', 'npm run test:probe -- --record')

export function entryOf(
  { verdict, contacts, versions }: PeerFindings,
  about: Pick<Entry, 'server' | 'serverVersion' | 'node' | 'confirmedBy'>,
): Entry {
  return {
    ...about,
    verdict,
    connections: contacts.length,
    versions: versions.map(
      ({ version, resumes, by, byIdToo, sessions, renewed, lifetimeHintSeconds, reuse, underOtherName }) => ({
        ...{ version, resumes, by, byIdToo, sessions, renewed, lifetimeHintSeconds, reuse, underOtherName },
      }),
    ),
  }
}

export function recorded(): Entry[] {
  return JSON.parse(readFileSync(file, 'utf8'))
}

/** Replaces the recorded entries. */
export function record(entries: readonly Entry[]): void {
  mkdirSync(results, { recursive: true })
  writeFileSync(file, `[\n${entries.map(entry => `  ${JSON.stringify(entry)}`).join(',\n')}\n]\n`)
  inDocument.write(tableOf(entries))
}

export function tableOf(entries: readonly Entry[]): string {
  const nodes = [...new Set(entries.map(({ node }) => node))].join(' and ')
  return `
| server | TLS 1.3: tickets, and of a resumption | lifetime | TLS 1.2 by | taken under another name: 1.3, 1.2 | verdict |
| --- | --- | --- | --- | --- | --- |
${entries.map(line).join('\n')}

Node ${nodes}; ${entries.reduce((sum, { connections }) => sum + connections, 0)} connections in all, each confirmed by
${confirmations(entries)}.

`
}

function line({ server, serverVersion, verdict, versions }: Entry): string {
  const of = (wanted: VersionFindings['version']) => versions.find(({ version }) => version === wanted)
  const [tls13, tls12] = [of('TLSv1.3'), of('TLSv1.2')]
  const ways = [
    tls12?.by === 'ticket' ? 'ticket' : '',
    tls12?.by === 'session-id' || tls12?.byIdToo ? 'id' : '',
  ]
  const names = [tls13, tls12].map(one => (one?.underOtherName?.outcome === 'resumed' ? 'yes' : 'no'))
  return `| ${[
    `${server} ${serverVersion}`,
    `${tls13?.sessions}${tls13?.resumes ? `, ${tls13.renewed}` : ''}`,
    tls13?.resumes ? `${tls13.lifetimeHintSeconds} s` : '',
    tls12?.resumes ? ways.filter(Boolean).join(', ') : 'none',
    tls13?.resumes ? names.join(', ') : '',
    verdict,
  ].join(' | ')} |`
}

function confirmations(entries: readonly Entry[]): string {
  return entries.every(({ confirmedBy }) => confirmedBy.includes('capture'))
    ? "the bytes that went by, and for the tickets by tcpdump's capture as tshark reads it"
    : 'the bytes that went by'
}
