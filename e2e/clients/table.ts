import { readFileSync, writeFileSync } from 'node:fs'
import { type Kind, kinds, labelOf, placements } from './kinds.ts'
import type { Entry } from './record.ts'

const page = new URL('../../docs/results/clients.md', import.meta.url)
const BEGIN = '<!-- by npm run test:interop -- --record -->\n'
const END = '<!-- end -->'

/** Puts the table of the recorded entries into its page. */
export function writeTable(entries: readonly Entry[]): void {
  const text = readFileSync(page, 'utf8')
  const [before = '', rest = ''] = text.split(BEGIN)
  const end = rest.indexOf(END)
  if (end < 0) throw new Error('docs/results/clients.md has no place for the table')
  writeFileSync(page, before + BEGIN + tableOf(entries) + rest.slice(end))
}

/** Returns the table in its page. */
export function tableInPage(): string {
  const rest = readFileSync(page, 'utf8').split(BEGIN)[1] ?? ''
  return rest.slice(0, rest.indexOf(END))
}

/** Returns a line for each client, front and kind, over all recorded versions of Node. */
export function tableOf(entries: readonly Entry[]): string {
  const rows = new Map<string, Entry[]>()
  for (const entry of entries) {
    const row = [entry.client, entry.front, kinds.findIndex(kind => labelOf(kind) === labelOf(entry))].join()
    rows.set(row, [...(rows.get(row) ?? []), entry])
  }
  const nodes = [...new Set(entries.map(({ node }) => node))].sort()
  const lines = [...rows].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => line(row))
  return `
Servers on Node ${nodes.join(' and ')}. Of the connections for which the client had a
session, or would have had one, how many resumed:

| client | over | version, mechanism | ${placements.join(' | ')} | why not | certificates seen |
| --- | --- | --- | ${placements.map(() => '---').join(' | ')} | --- | --- |
${lines.join('\n')}

`
}

function line(entries: readonly Entry[]): string {
  const [{ client, front, never, ...kind } = {} as Entry] = entries
  const versions = [...new Set(entries.map(({ clientVersion }) => clientVersion))]
  const certificates = [...new Set(entries.map(entry => entry.certificates ?? 0))]
  return `| ${[
    `${client} ${versions.join(', ')}`,
    front === 'http2' ? 'HTTP/2' : 'HTTPS',
    labelOf(kind as Kind),
    ...placements.map(placement => resumed(entries.filter(entry => entry.placement === placement))),
    never ?? '',
    certificates.map(count => (count === 0 ? '' : count === 1 ? 'the leaf' : 'the chain')).join(' or '),
  ].join(' | ')} |`
}

/** If versions of Node differ, returns each count. */
function resumed(entries: readonly Entry[]): string {
  const counts = entries.map(({ connections, never }) => {
    const all = connections.split(' ')
    // A client without a session can offer none, and a browser opens several connections at once.
    const later = never ? all.slice(1) : all.slice(all.indexOf('R'))
    return `${later.filter(how => how === 'R').length} of ${later.length}`
  })
  return [...new Set(counts)].join(' or ')
}
