import { Generated } from './generated.ts'
import type { Entry } from './record.ts'
import type { How } from './trial.ts'

/** The table in its document. */
export const inDocument: Generated = new Generated(
  'docs/results/drivers.md',
  'npm run test:servers -- --record',
)

/** Returns a line for each driver and server, over both versions of TLS and all recorded versions of Node. */
export function tableOf(entries: readonly Entry[]): string {
  const rows = new Map<string, Entry[]>()
  for (const entry of entries) {
    const row = `${entry.server} ${entry.driver}`
    rows.set(row, [...(rows.get(row) ?? []), entry])
  }
  const nodes = [...new Set(entries.map(entry => entry.node))].sort()
  const lines = [...rows.values()].map(line)
  return `
Node ${new Intl.ListFormat('en').format(nodes)}; TLS 1.2 and 1.3 each. Of the reconnects, how many resumed, the first from a second worker
among them:

| driver | server | Node alone | with \`auto\` | by an option of the driver |
| --- | --- | --- | --- | --- |
${lines.join('\n')}

`
}

function line(entries: readonly Entry[]): string {
  const one = (name: 'driverVersion' | 'serverVersion') => [...new Set(entries.map(entry => entry[name]))]
  const { driver = '', server = '' } = entries[0] ?? {}
  const isNodes = entries.every(entry => entry.driverVersion === entry.node)
  const option = entries.find(entry => entry.option)?.option
  return `| ${[
    isNodes ? `${driver} of Node` : `${driver} ${one('driverVersion').join(', ')}`,
    `${server} ${one('serverVersion').join(', ')}`,
    resumed(entries, 'off'),
    resumed(entries, 'auto'),
    option ? `${resumed(entries, 'option')}: \`${option}\`` : '',
  ].join(' | ')} |`
}

/** If versions of Node differ, returns the count of each. If other runs differ, returns each count. */
function resumed(entries: readonly Entry[], how: How): string {
  const majors = new Map<string, Set<string>>()
  for (const entry of entries.filter(each => each.how === how)) {
    const count = `${entry.resumed} of ${entry.full + entry.resumed - 1}`
    majors.set(count, (majors.get(count) ?? new Set()).add(entry.node.split('.')[0] ?? ''))
  }
  const all = [...majors.values()].flatMap(own => [...own])
  if (majors.size < 2 || new Set(all).size < all.length) return [...majors.keys()].join(' or ')
  return [...majors].map(([count, own]) => `${count} on Node ${[...own].join(', ')}`).join('; ')
}
