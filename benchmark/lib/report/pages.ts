/** Writes the recorded results as pages of `docs/results`: a summary, and a page for each benchmark. */
import { markdownTable, targetTable, textOf } from '../format.ts'
import { type Cell, type Column, isMet, type Result, type ResultTable, type Target } from '../result.ts'
import type { Estimate } from '../statistics.ts'
import { conditions, figureName, isCharted, sentence, titleOf } from './document.ts'

/** The results of the first Node.js, and those of others, newest first. */
export interface Recorded {
  results: readonly Result[]
  beside: readonly Map<string, Result>[]
}

/** The tables of the summary, as far as they are recorded. The pages of the benchmarks have all tables. */
const MAIN_TABLES: Record<string, readonly string[]> = {
  clients: ['threads', 'fetch'],
  servers: ['end-to-end'],
  networks: ['sizes'],
  production: ['gateway', 'edge'],
  'start-up': ['start'],
}

/** Columns whose figures of other versions of Node.js stand beside those of the first. */
const COMPARED: Record<string, readonly string[]> = {
  'clients/reconnects': ['CPU of both ends, of Node alone', 'latency'],
  'servers/end-to-end': ['full, of Node alone', 'resumed, of a full one of Node alone'],
  'start-up/start': ['added by the flag'],
  'production/gateway': ['full handshakes', 'CPU of the gateway'],
}

/** What a reader has to know before the figures of a benchmark. */
const OPENINGS: Record<string, string> = {
  core: `The reasons for this store are exact bounds, sessions that are wiped when they leave, and callers that never wait for
another thread. Speed is not one: some caches that do none of it are faster.`,
  networks: `Delay is added between real drivers and real servers. Single-flight is measured without it, on
[the page of clients](bench-clients.md): its waits depend on the time that TCP needs to connect, which toxiproxy does not delay.`,
}

/** Returns the file name of a benchmark's page. */
export function pageName(result: Result): string {
  return `bench-${result.name}.md`
}

/** Returns the page with the targets, the losses, and the main tables. */
export function summaryPage({ results, beside }: Recorded): string {
  const parts = [
    '# Benchmarks',
    `This page says what was aimed at, where that was missed and why, and what the main figures are. \`npm run bench\` repeats all
with fewer rounds and makes a report of your machine; \`npm run bench -- NAME\` repeats one. \`--record\` runs all rounds and
writes this page from \`benchmark/results\`. Ratios of one table count; absolute figures are those of the machine. A figure
with two in brackets is a median with its 95 % interval. What stands beside *Node alone* is measured in another process: one of
Node alone has loaded no module of this package or its dependencies, which each benchmark checks.`,
    results.map(each => `- [${titleOf(each.name)}](${pageName(each)}): all tables`).join('\n'),
    '## Targets',
    'A target is met when the far end of the interval meets it.',
    ...targetsByBenchmark(results),
    losses(results),
    ...results.map(result => summary(result, beside)),
  ]
  return `${parts.filter(Boolean).join('\n\n')}\n`
}

function targetsByBenchmark(results: readonly Result[]): string[] {
  const all = results.flatMap(({ targets }) => targets)
  if (all.length === 0) return []
  const table = targetTable(results.flatMap(worstOfEach).map(({ reason, ...target }) => target))
  return [`${all.filter(isMet).length} of ${all.length} met.`, markdownTable(table)]
}

/** Targets that differ by their first words only: `RSA, TLS 1.3: CPU of both ends`. */
const SAME_FIGURE = /^(.+): ([a-zA-Z].{12,})$/

/** Returns one target for those of a benchmark that say the same of several cases: the worst. */
function worstOfEach({ targets }: Result): Target[] {
  const groups = new Map<string, { target: Target; kind?: string }[]>()
  for (const target of targets) {
    const [, kind, figure = target.figure] = SAME_FIGURE.exec(target.figure) ?? []
    const key = `${figure} ${target.atMost} ${target.atLeast}`
    groups.set(key, [...(groups.get(key) ?? []), { target: { ...target, figure }, ...(kind && { kind }) }])
  }
  return [...groups.values()].map(group => {
    const [first] = group as [(typeof group)[number]]
    if (group.length === 1) return first.kind ? named(first.kind, first.target) : first.target
    const worst = group.reduce((most, each) =>
      shortfall(each.target) > shortfall(most.target) ? each : most,
    )
    return { ...worst.target, figure: `${worst.target.figure}, worst of ${group.length} (${worst.kind})` }
  })
}

function named(kind: string, target: Target): Target {
  return { ...target, figure: `${kind}: ${target.figure}` }
}

/** Returns how far a target is missed. Negative if it is met. */
function shortfall({ atMost = Infinity, atLeast = -Infinity, value }: Target): number {
  const { low, high } = typeof value === 'number' ? { low: value, high: value } : value
  return Math.max(high - atMost, atLeast - low)
}

/** Returns the targets that were missed, by what that is due to. */
function losses(results: readonly Result[]): string {
  const byReason = new Map<string, string[]>()
  for (const target of results.flatMap(worstOfEach)) {
    if (isMet(target)) continue
    const reason = target.reason ?? ''
    byReason.set(reason, [...(byReason.get(reason) ?? []), missed(target)])
  }
  if (byReason.size === 0) return ''
  const items = [...byReason].map(([reason, figures]) =>
    [`- ${figures.join('; ')}.`, sentence(reason.replaceAll('\n', ' '))].filter(Boolean).join('\n  '),
  )
  return ['## Where we lose, and what it is due to', items.join('\n')].join('\n\n')
}

function missed({ figure, atMost, atLeast, value, unit }: Target): string {
  const behind = unit ? ` ${unit}` : ''
  const aim = atMost === undefined ? `≥ ${atLeast}` : `≤ ${atMost}`
  return `${figure}: **${textOf(value)}${behind}**, aimed at ${aim}${behind}`
}

function summary(result: Result, beside: Recorded['beside']): string {
  const main = MAIN_TABLES[result.name] ?? []
  const tables = result.tables.filter(({ id }) => main.includes(id))
  if (tables.length === 0) return ''
  return [
    `## ${titleOf(result.name)}`,
    conditions(result),
    ...(result.name === 'clients' ? [reconnects(result, beside)] : []),
    ...tables.flatMap(table => [`### ${table.title}`, ...compared(result, table, beside)]),
  ]
    .filter(Boolean)
    .join('\n\n')
}

/** Returns one line for each kind of handshake: this package beside Node alone. */
function reconnects(result: Result, beside: Recorded['beside']): string {
  const table = result.tables.find(({ id }) => id === 'reconnects')
  if (table === undefined) return ''
  const kinds = [...new Set(table.rows.map(([kind]) => kind))]
  const others = othersOf(result, table, beside)
  const cpu = 'CPU of both ends, of Node alone'
  const lines: ResultTable = {
    id: 'summary',
    title: '',
    samples: '',
    columns: [
      { title: 'handshake' },
      { title: 'Node alone', unit: 'ms', digits: 2 },
      { title: 'tls-resumption', unit: 'ms', digits: 2 },
      { title: 'CPU of both ends, of Node alone', digits: 2 },
      ...others.map(({ major }) => ({ title: `on Node ${major}`, digits: 2 })),
      { title: 'of Node with its best own cache', digits: 2 },
    ],
    rows: kinds.map(kind => {
      const cell = (of: ResultTable, by: string, title: string): Cell => {
        const index = of.columns.findIndex(column => column.title === title)
        return of.rows.find(row => row[0] === kind && row[1] === by)?.[index] ?? null
      }
      return [
        kind ?? '',
        cell(table, 'Node alone', 'latency'),
        cell(table, 'tls-resumption', 'latency'),
        cell(table, 'tls-resumption', cpu),
        ...others.map(({ table: other }) => cell(other, 'tls-resumption', cpu)),
        cell(table, 'tls-resumption', 'of Node with its best own cache'),
      ]
    }),
  }
  return [`### ${table.title}`, markdownTable(lines), ...conditionsBeside(others)].join('\n\n')
}

/** Returns the page with all tables of a benchmark. `figures` is the path from the page to the charts. */
export function benchmarkPage(result: Result, beside: Recorded['beside'], figures: string): string {
  const parts = [
    `# ${titleOf(result.name)}: all tables`,
    OPENINGS[result.name] ?? '',
    `Written by \`npm run bench -- --record\`. [benchmarks.md](benchmarks.md) has targets and main figures.`,
    conditions(result),
    ...result.tables.flatMap(table => [
      `## ${table.title}`,
      isCharted(table) ? `![${table.title}](${figures}/${figureName(result, table)})` : '',
      ...compared(result, table, beside),
      sentence(table.samples),
      table.remark ?? '',
    ]),
  ]
  return `${parts.filter(Boolean).join('\n\n')}\n`
}

interface Other {
  major: string
  result: Result
  table: ResultTable
}

/** Returns a table, with columns of other versions of Node.js and the conditions under which those were measured. */
function compared(result: Result, table: ResultTable, beside: Recorded['beside']): string[] {
  const titles = COMPARED[`${result.name}/${table.id}`] ?? []
  const others = titles.length > 0 ? othersOf(result, table, beside) : []
  const columns: Column[] = [...table.columns]
  const rows = table.rows.map(row => [...row])
  for (const { major, table: other } of others) {
    for (const title of titles) {
      const column = table.columns.find(each => each.title === title)
      if (column === undefined) continue
      columns.push({ ...column, title: `${title}, Node ${major}` })
      const index = other.columns.findIndex(each => each.title === title)
      for (const row of rows)
        row.push(other.rows.find(each => labelOf(each) === labelOf(row))?.[index] ?? null)
    }
  }
  return [markdownTable({ ...table, columns, rows }), ...conditionsBeside(others)]
}

function conditionsBeside(others: readonly Other[]): string[] {
  return others.map(({ result }) => `Beside it: ${conditions(result)}`)
}

/** Node.js 20 is past its end of life: its figures stand there only if they differ. */
function othersOf(result: Result, table: ResultTable, beside: Recorded['beside']): Other[] {
  return beside.flatMap(results => {
    const other = results.get(result.name)
    const same = other?.tables.find(({ id }) => id === table.id)
    const major = other?.versions.node?.split('.')[0]
    if (other === undefined || same === undefined || major === undefined) return []
    if (major === '20' && !differs(table, same)) return []
    return [{ major, result: other, table: same }]
  })
}

/** True if an interval of one table is apart from that of the other. */
function differs(table: ResultTable, other: ResultTable): boolean {
  return table.rows.some(row => {
    const same = other.rows.find(each => labelOf(each) === labelOf(row))
    return row.some((cell, index) => {
      const [one, two] = [cell, same?.[index]]
      return isEstimate(one) && isEstimate(two) && (one.high < two.low || two.high < one.low)
    })
  })
}

function isEstimate(cell: Cell | undefined): cell is Estimate {
  return typeof cell === 'object' && cell !== null
}

/** Names a row by its leading texts. */
function labelOf(row: readonly Cell[]): string {
  const end = row.findIndex(cell => typeof cell !== 'string')
  return row.slice(0, end < 0 ? row.length : end).join(' | ')
}
