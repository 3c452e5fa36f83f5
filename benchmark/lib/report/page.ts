/** Makes the report: one HTML file that needs no other. */
import { Marked, type Tokens } from 'marked'
import type { Result } from '../result.ts'
import { type ChartSize, chartSvg, escaped, NARROW, WIDE } from './chart.ts'
import { documentWith, figureName, isCharted, origin, slugOf } from './document.ts'
import { STYLE } from './style.ts'

const FIGURES = 'figures'

export function page(results: readonly Result[]): string {
  const [narrow, wide] = [chartsOf(results), chartsOf(results, WIDE)]
  const headings: Heading[] = []
  const marked = new Marked({
    renderer: {
      // Markup in a remark is shown as text.
      html: ({ text }) => escaped(text),
      image({ href, text }) {
        const name = href.slice(FIGURES.length + 1)
        const charts = [narrow, wide].map(each => each.get(name))
        if (charts.includes(undefined)) return `<p>${escaped(text)}: no chart</p>`
        return `<span class="narrow">${charts[0]}</span><span class="wide">${charts[1]}</span>`
      },
      heading({ depth, text, tokens }) {
        const inline = this.parser.parseInline(tokens)
        const same = headings.filter(heading => heading.text === text).length
        const id = same === 0 ? slugOf(text) : `${slugOf(text)}-${same}`
        headings.push({ depth, text, id, inline })
        return `<h${depth} id="${id}">${inline}</h${depth}>\n`
      },
      table(token) {
        return tableHtml(token, cell => this.parser.parseInline(cell.tokens))
      },
    },
  })
  const body = marked.parse(documentWith('', results, FIGURES), { async: false })
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>tls-resumption: benchmarks</title>
<style>${STYLE}</style>
</head>
<body>
<nav aria-label="Contents">
${contentsHtml(headings)}</nav>
<main>
${body}</main>
</body>
</html>
`
}

interface Heading {
  depth: number
  text: string
  id: string
  inline: string
}

/** Returns the chapters as links, each with its tables. */
function contentsHtml(headings: readonly Heading[]): string {
  const link = ({ id, inline }: Heading) => `<a href="#${id}">${inline}</a>`
  const chapters: { chapter: Heading; tables: Heading[] }[] = []
  for (const heading of headings) {
    if (heading.depth === 2) chapters.push({ chapter: heading, tables: [] })
    else if (heading.depth === 3) chapters.at(-1)?.tables.push(heading)
  }
  const items = chapters.map(({ chapter, tables }) => {
    const below = tables.map(table => `<li>${link(table)}</li>`).join('')
    return `<li>${link(chapter)}${below && `<ul>${below}</ul>`}</li>\n`
  })
  return `<ul>\n${items.join('')}</ul>\n`
}

/** By file name. */
export function chartsOf(results: readonly Result[], size: ChartSize = NARROW): Map<string, string> {
  const charts = new Map<string, string>()
  for (const result of results) {
    for (const table of result.tables) {
      if (isCharted(table)) charts.set(figureName(result, table), chartSvg(table, origin(result), size))
    }
  }
  return charts
}

/** The text is not broken within a cell. */
const INTERVAL = /(\([\d.]+-[\d.]+\))/

/** In narrow windows a row is a card: its first cell is the title, and each other cell has its heading beside it. */
function tableHtml({ header, rows }: Tokens.Table, inline: (cell: Tokens.TableCell) => string): string {
  const heads = header.map(cell => `<th scope="col"${alignment(cell)}>${inline(cell)}</th>`)
  let group = ''
  const lines = rows.map(row => {
    const cells = row.map((cell, index) => {
      const content = markVerdict(inline(cell).replace(INTERVAL, '<span class="interval">$1</span>'))
      if (index === 0) {
        // An empty cell means the cell above. A card stands without the one above.
        if (content) group = content
        return `<td class="title">${content || `<span class="repeated">${group}</span>`}</td>`
      }
      const label = escaped(header[index]?.text || 'verdict')
      return `<td data-label="${label}"${alignment(cell)}>${content && `<span>${content}</span>`}</td>`
    })
    const isMissed = cells.some(cell => cell.includes('class="missed"'))
    return `<tr${isMissed ? ' class="miss"' : ''}>${cells.join('')}</tr>`
  })
  return `<table>\n<thead><tr>${heads.join('')}</tr></thead>\n<tbody>\n${lines.join('\n')}\n</tbody>\n</table>\n`
}

/** Gives a verdict of {@link targetTable} a sign and a colour. Its word stays. */
function markVerdict(content: string): string {
  return content.replace(/^(met|missed)(?=$|:)/, verdict => {
    const sign = verdict === 'met' ? '✓' : '✗'
    return `<span class="${verdict}"><span aria-hidden="true">${sign}</span> ${verdict}</span>`
  })
}

function alignment({ align }: Tokens.TableCell): string {
  return align === 'right' ? ' class="number"' : ''
}
