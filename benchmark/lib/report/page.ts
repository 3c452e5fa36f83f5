/** Makes the report: one HTML file that needs no other. */
import { Marked, type Tokens } from 'marked'
import type { Result } from '../result.ts'
import { COLOURS, chartSvg, escaped } from './chart.ts'
import { document, figureName, isCharted, origin, slugOf } from './document.ts'

const FIGURES = 'figures'

export function page(results: readonly Result[]): string {
  const charts = chartsOf(results)
  const marked = new Marked({
    renderer: {
      // Markup in a remark is shown as text.
      html: ({ text }) => escaped(text),
      image: ({ href, text }) =>
        charts.get(href.slice(FIGURES.length + 1)) ?? `<p>${escaped(text)}: no chart</p>`,
      heading({ depth, text, tokens }) {
        return `<h${depth} id="${slugOf(text)}">${this.parser.parseInline(tokens)}</h${depth}>\n`
      },
      table(token) {
        return tableHtml(token, cell => this.parser.parseInline(cell.tokens))
      },
    },
  })
  const body = marked.parse(document(results, FIGURES), { async: false })
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
<main>
${body}</main>
</body>
</html>
`
}

/** By file name. */
export function chartsOf(results: readonly Result[]): Map<string, string> {
  const charts = new Map<string, string>()
  for (const result of results) {
    for (const table of result.tables) {
      if (isCharted(table)) charts.set(figureName(result, table), chartSvg(table, origin(result)))
    }
  }
  return charts
}

/** The text is not broken within a cell. */
const INTERVAL = /(\([\d.]+-[\d.]+\))$/

/** Each cell has its heading, which is shown beside it in narrow windows. */
function tableHtml({ header, rows }: Tokens.Table, inline: (cell: Tokens.TableCell) => string): string {
  const heads = header.map(cell => `<th scope="col"${alignment(cell)}>${inline(cell)}</th>`)
  const lines = rows.map(row => {
    const cells = row.map((cell, index) => {
      const label = escaped(header[index]?.text ?? '')
      return `<td data-label="${label}"${alignment(cell)}>${inline(cell).replace(INTERVAL, '<span class="interval">$1</span>')}</td>`
    })
    return `<tr>${cells.join('')}</tr>`
  })
  return `<table>\n<thead><tr>${heads.join('')}</tr></thead>\n<tbody>\n${lines.join('\n')}\n</tbody>\n</table>\n`
}

function alignment({ align }: Tokens.TableCell): string {
  return align === 'right' ? ' class="number"' : ''
}

function variables({ card, edge, text, ours }: typeof COLOURS.light): string {
  return `--page:${card};--edge:${edge};--text:${text};--accent:${ours}`
}

const STYLE = `
:root{${variables(COLOURS.light)}}
@media(prefers-color-scheme:dark){:root{${variables(COLOURS.dark)}}}
body{margin:0;background:var(--page);color:var(--text);font:16px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif}
main{max-width:1200px;margin:0 auto;padding:16px;overflow-wrap:break-word}
h2{margin-top:2.5em;border-bottom:1px solid var(--edge)}
h3{margin-top:2em}
a{color:var(--accent)}
code{font-size:.9em;overflow-wrap:anywhere}
svg.chart{display:block;max-width:100%;height:auto;margin:12px 0}
p,li{max-width:45em}
table{border-collapse:collapse;font-size:.85em;font-variant-numeric:tabular-nums}
th{white-space:normal}
th,td{padding:4px 8px;border-bottom:1px solid var(--edge);text-align:left;vertical-align:top}
.number{text-align:right}
.interval{white-space:nowrap}
@media(max-width:720px){
table,tbody,tr,td{display:block}
thead{display:none}
tr{padding:8px 0;border-bottom:1px solid var(--edge)}
td,td.number{display:flex;justify-content:space-between;gap:16px;border:0;padding:1px 0;text-align:right;overflow-wrap:anywhere}
td::before{content:attr(data-label);flex:none;max-width:50%;text-align:left;opacity:.75}
td:empty{display:none}
}
`
