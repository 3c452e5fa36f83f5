/** Writes results as Markdown: the source of the HTML report, and parts of the documents. */
import { markdownTable, targetTable, textOf } from '../format.ts'
import { type Chart, isMet, type Result, type ResultTable, type Target } from '../result.ts'

/** The benchmarks in the order of their chapters. */
export const CHAPTERS: Record<string, string> = {
  clients: 'Reconnecting clients',
  servers: 'Servers',
  networks: 'Networks',
  production: 'A day in production',
  node: 'One operation, from JavaScript',
  core: 'The store',
  redis: 'The second tier',
  segment: 'A cache in a file',
  'start-up': 'The start of a process',
}

export type ChartedTable = ResultTable & { chart: Chart }

export function isCharted(table: ResultTable): table is ChartedTable {
  return table.chart !== undefined
}

/** Returns the file name of a chart. */
export function figureName(result: Result, table: ResultTable): string {
  return `${result.name}-${table.id}.svg`
}

/** Sorts results by chapter, unknown ones last. */
export function sorted(results: Iterable<Result>): Result[] {
  const names = Object.keys(CHAPTERS)
  const placeOf = ({ name }: Result) => (names.includes(name) ? names.indexOf(name) : names.length)
  return [...results].sort((a, b) => placeOf(a) - placeOf(b))
}

/** Returns the whole page. `figures` is the path from the page to the charts. */
export function document(results: readonly Result[], figures: string): string {
  const contents = results.map(({ name }) => `- [${titleOf(name)}](#${slugOf(titleOf(name))})`).join('\n')
  return documentWith(contents, results, figures)
}

/** Returns the page with other contents: the HTML report has its own. */
export function documentWith(contents: string, results: readonly Result[], figures: string): string {
  const parts = [
    '# Benchmarks',
    `Every figure here was written by the command that stands above it: \`npm run bench -- --record\` runs them all and
writes this page from \`benchmark/results\`. \`npm run bench\` does so with fewer rounds, in minutes, and makes a report of
your machine. Ratios of one table count; absolute figures are those of the machine. Where there are two figures in
brackets behind one, it is a median with its 95 % interval.`,
    contents,
    '## Targets',
    `What each part was to reach. A target is met when the far end of the interval meets it.`,
    targets(results),
    ...results.map(result => chapter(result, figures)),
  ]
  return `${parts.filter(Boolean).join('\n\n')}\n`
}

/** Returns the targets of all results, and the reasons of those that were missed. */
export function targets(results: readonly Result[]): string {
  const all = results.flatMap(({ targets }) => targets)
  if (all.length === 0) return ''
  const table = targetTable(all.map(({ reason, ...target }) => target))
  const met = all.filter(isMet).length
  const missed = all.filter(target => !isMet(target))
  return [
    `${met} of ${all.length} met.`,
    markdownTable(table),
    missed.length ? `**Where we lose:**\n\n${missed.map(loss).join('\n')}` : '',
  ]
    .filter(Boolean)
    .join('\n\n')
}

function loss({ figure, atMost, atLeast, value, unit, reason }: Target): string {
  const behind = unit ? ` ${unit}` : ''
  const aim = atMost === undefined ? `at least ${atLeast}` : `at most ${atMost}`
  return `- ${figure}: ${textOf(value)}${behind}, where ${aim}${behind} was aimed at. ${sentence(reason ?? '')}`.trimEnd()
}

/** Returns the heading of a benchmark. */
export function titleOf(name: string): string {
  return CHAPTERS[name] ?? name
}

/** Returns the anchor that GitHub makes of a heading. */
export function slugOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(' ', '-')
}

function chapter(result: Result, figures: string): string {
  const tables = result.tables.map(table => tableWithChart(result, table, figures))
  return [`## ${titleOf(result.name)}`, conditions(result), ...tables].join('\n\n')
}

/** Returns one table with its chart, for any document. */
export function tableWithChart(result: Result, table: ResultTable, figures: string): string {
  return [
    `### ${table.title}`,
    isCharted(table) ? `![${table.title}](${figures}/${figureName(result, table)})` : '',
    markdownTable(table),
    sentence(table.samples),
    table.remark ?? '',
  ]
    .filter(Boolean)
    .join('\n\n')
}

/** Returns command, date, commit, machine and versions of a result. */
export function conditions({ command, date, commit, machine, versions }: Result): string {
  const { cpu, cpus, memory, system, load } = machine
  const programs = Object.entries(versions).map(([name, version]) => `${PROGRAMS[name] ?? name} ${version}`)
  return `\`${command}\`, ${date}, commit ${commit}; ${cpu}, ${cpus} CPUs, ${memory}, ${system}, load ${load.join(' ')};
${programs.join(', ')}.`
}

/** Returns the same in few words, for a chart. */
export function origin({ command, date, commit, versions }: Result): string {
  return `${command}; ${date}, ${commit}; Node ${versions.node}`
}

const PROGRAMS: Record<string, string> = { node: 'Node', openssl: 'OpenSSL', rust: 'Rust' }

/** Returns a text as a sentence. */
export function sentence(text: string): string {
  return text && !text.endsWith('.') ? `${text[0]?.toUpperCase()}${text.slice(1)}.` : text
}
