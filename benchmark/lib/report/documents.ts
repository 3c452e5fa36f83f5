/** Writes the figures into the documents of the repository. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { markdownTable } from '../format.ts'
import { recordedResults, resultsBeside } from '../record.ts'
import type { Result } from '../result.ts'
import { conditions, figureName, isCharted, sorted, tableWithChart, targets } from './document.ts'
import { chartsOf } from './page.ts'
import { benchmarkPage, pageName, summaryPage } from './pages.ts'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))
const FIGURES = join('docs', 'figures')
/** The page with targets and main tables. Those with all tables are beside it. */
const BENCHMARKS = join('docs', 'results', 'benchmarks.md')

/** The documents that may have places for figures. */
export const WITH_PLACES = [
  'README.md',
  ...readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter(isMarkdown)
    .map(name => join('docs', name)),
]

/** `<!-- results: table clients/reconnects -->` starts a place, `<!-- end -->` ends it. */
const PLACE = /(<!-- results: (\w+) ([\w/ -]+?) -->\n)(.*?)(<!-- end -->)/gs

/** Returns the content of each file, as far as results are recorded. */
export function generated(): Map<string, string> {
  const results = recordedResults()
  const files = new Map<string, string>()
  if (results.size === 0) return files
  const all = sorted(results.values())
  const recorded = { results: all, beside: resultsBeside() }
  files.set(BENCHMARKS, summaryPage(recorded))
  for (const result of all) {
    const file = join(dirname(BENCHMARKS), pageName(result))
    files.set(file, benchmarkPage(result, recorded.beside, figuresFrom(file)))
  }
  for (const [name, svg] of chartsOf(all)) files.set(join(FIGURES, name), svg)
  for (const file of WITH_PLACES) {
    const text = readFileSync(join(ROOT, file), 'utf8')
    const filled = text.replace(PLACE, (_all, begin, kind, what, before, end) => {
      const content = contentOf(kind, what, results, file)
      // A place without a recorded result stays as it is.
      return begin + (content === undefined ? before : `\n${content}\n\n`) + end
    })
    if (text.includes('<!-- results:')) files.set(file, filled)
  }
  return files
}

/** Writes the documents, and removes charts without a table. Returns the files that changed. */
export function writeDocuments(): string[] {
  const files = generated()
  mkdirSync(join(ROOT, FIGURES), { recursive: true })
  for (const name of readdirSync(join(ROOT, FIGURES))) {
    const file = join(FIGURES, name)
    if (!files.has(file)) rmSync(join(ROOT, file))
  }
  return [...files].flatMap(([file, content]) => {
    const path = join(ROOT, file)
    if (existsSync(path) && readFileSync(path, 'utf8') === content) return []
    writeFileSync(path, content)
    return file
  })
}

/** Returns the content of a place, or undefined if nothing is recorded for it. */
function contentOf(
  kind: string,
  what: string,
  results: Map<string, Result>,
  file: string,
): string | undefined {
  if (kind === 'targets') {
    const wanted = what.split(' ').map(name => results.get(name))
    const found = wanted.filter(result => result !== undefined)
    return found.length === wanted.length ? targets(found) : undefined
  }
  const [name = '', id = ''] = what.split('/')
  const result = results.get(name)
  if (result === undefined) return undefined
  const table = result.tables.find(table => table.id === id)
  if (table === undefined)
    throw new Error(`${file} asks for ${what}, which benchmark/results/${name}.json does not have`)
  const figures = figuresFrom(file)
  switch (kind) {
    case 'table':
      return `${markdownTable(table)}\n\n${conditions(result)}`
    case 'chart':
      if (!isCharted(table)) throw new Error(`${file} asks for a chart of ${what}, which has none`)
      return `![${table.title}](${join(figures, figureName(result, table))})`
    case 'headline':
      return `${name === 'servers' ? serverHeadline(table) : headline(table)}\n\n${conditions(result)}`
    case 'all':
      return tableWithChart(result, table, figures)
    default:
      throw new Error(`${file} asks for a ${kind}, which there is not`)
  }
}

/** Returns the path from a document to the charts. */
function figuresFrom(file: string): string {
  return relative(dirname(file), FIGURES)
}

/** Returns the first two rows to compare of a table of reconnects: those of plain Node and those of this package. */
function headline({ id, columns, rows }: Result['tables'][number]): string {
  const cell = (by: string, title: string) => {
    const column = columns.findIndex(each => each.title === title)
    const value = rows.find(row => row.includes(by))?.[column]
    const figure = typeof value === 'object' && value !== null ? value.median : value
    if (typeof figure !== 'number') throw new Error(`the table ${id} has no ${title} of ${by}`)
    return figure
  }
  const [plain, resumed] = ['Node alone', 'tls-resumption']
  const cpu = 'CPU of both ends, of Node alone'
  return `| ${rows[0]?.[0]} | plain Node.js | with the flag |
| --- | ---: | ---: |
| time of a connection | ${cell(plain, 'latency').toFixed(1)} ms | ${cell(resumed, 'latency').toFixed(1)} ms |
| CPU of client and server | ${Math.round(cell(plain, cpu) * 100)} % | ${Math.round(cell(resumed, cpu) * 100)} % |`
}

/** Returns what a server spends on full and resumed handshakes, of some kinds. */
function serverHeadline({ id, columns, rows }: Result['tables'][number]): string {
  const percent = (kind: string, title: string) => {
    const value = rows.find(([first]) => first === kind)?.[columns.findIndex(each => each.title === title)]
    if (typeof value !== 'object' || value === null)
      throw new Error(`the table ${id} has no ${title} of ${kind}`)
    return `${Math.round(value.median * 100)} %`
  }
  const lines = ['RSA + mTLS, TLS 1.2', 'RSA + mTLS, TLS 1.3', 'ECDSA, TLS 1.3'].map(kind => {
    const [full, resumed] = ['full, of Node alone', 'resumed, of a full one of Node alone']
    return `| ${kind} | ${percent(`${kind}, tickets`, full)} | ${percent(`${kind}, tickets`, resumed)} |`
  })
  return `| CPU of a server, of a full handshake of plain Node.js | full handshake | resumed by ticket |
| --- | ---: | ---: |
${lines.join('\n')}`
}

function isMarkdown(name: string): boolean {
  return name.endsWith('.md')
}
