/** Draws a table of results as bars in SVG, without a browser. */
import * as Plot from '@observablehq/plot'
import { parseHTML } from 'linkedom'
import { textOf } from '../format.ts'
import type { Cell, Chart, Column, ResultTable } from '../result.ts'

/** What differs between charts for narrow and wide pages. Widths in CSS pixels, lengths in characters. */
export interface ChartSize {
  width: number
  /** Room for the labels of the bars. */
  labels: number
  labelLength: number
  titleLength: number
  unitLength: number
  captionLength: number
}

/** Fits a small phone, and any document. */
export const NARROW: ChartSize = {
  width: 400,
  labels: 150,
  labelLength: 21,
  titleLength: 44,
  unitLength: 60,
  captionLength: 68,
}

/** Fills the page of the report in a wide window. */
export const WIDE: ChartSize = {
  width: 900,
  labels: 320,
  labelLength: 46,
  titleLength: 105,
  unitLength: 130,
  captionLength: 155,
}

const VALUES = 52
const ROW = 27
const LINE = 15
const PADDING = 12

/** The chart is on a card, so that it is readable on any page. */
export const COLOURS = {
  light: {
    card: '#ffffff',
    edge: '#d1d9e0',
    text: '#1f2328',
    ours: '#0969da',
    other: '#818b98',
    met: '#1a7f37',
    missed: '#cf222e',
  },
  dark: {
    card: '#151b23',
    edge: '#3d444d',
    text: '#e6edf3',
    ours: '#4493f8',
    other: '#79828d',
    met: '#3fb950',
    missed: '#ff7b72',
  },
}

const TICK = new Intl.NumberFormat('en', { notation: 'compact' })

interface Bar {
  label: string
  value: number
  /** The ends of its 95 % interval. */
  low: number
  high: number
  text: string
  isOurs: boolean
}

/** A line of the chart: a bar, or the title of the bars below. */
type Line = { title: string } | Bar

/** Returns the table's chart. `origin` says in one sentence how it was made. */
export function chartSvg(
  table: ResultTable & { chart: Chart },
  origin: string,
  size: ChartSize = NARROW,
): string {
  const { width } = size
  const { title, chart, samples } = table
  const y = columnOf(table, chart.y)
  const heading = wrap(plain(title), size.titleLength)
  const unit = wrap(
    [y.unit ? `${y.title}, ${y.unit}` : y.title, chart.logarithmic ? 'logarithmic scale' : '']
      .filter(Boolean)
      .join('; '),
    size.unitLength,
  )
  const caption = wrap([samples, origin].filter(Boolean).join('; '), size.captionLength)
  const plot = barsSvg(linesOf(table), chart, size)
  let at = PADDING
  const texts = (lines: string[], kind: string, height: number) => {
    const placed = lines.map((line, index) => text(line, PADDING, at + height * (index + 0.8), kind))
    at += lines.length * height
    return placed.join('')
  }
  const above = texts(heading, 'title', LINE + 3) + texts(unit, 'unit', LINE)
  const plotAt = at
  at += plot.height + 4
  const below = texts(caption, 'caption', 13)
  const height = at + PADDING
  return `<svg xmlns="http://www.w3.org/2000/svg" class="chart" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escaped(plain(title))}"><style>${STYLE}</style><rect class="card" x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="6"/>${above}<g transform="translate(0,${plotAt})">${plot.svg}</g>${below}</svg>\n`
}

const STYLE = `${styleOf(COLOURS.light)}@media(prefers-color-scheme:dark){${styleOf(COLOURS.dark)}}.chart{font-family:system-ui,-apple-system,"Segoe UI",sans-serif;font-size:12px}.chart .title{font-size:14px;font-weight:600}.chart .caption{font-size:10px}`

function styleOf({ card, edge, text, ours, other }: typeof COLOURS.light): string {
  return `.chart .card{fill:${card};stroke:${edge}}.chart text{fill:${text}}.chart .ours{fill:${ours}}.chart .other{fill:${other}}.chart .interval,.chart .axis{stroke:${text};fill:none}`
}

function barsSvg(
  lines: readonly Line[],
  chart: Chart,
  { width, labels, labelLength }: ChartSize,
): { svg: string; height: number } {
  const { document } = parseHTML('<html><body></body></html>')
  const rows = lines.map((line, row) => ({ ...line, row }))
  const bars = rows.filter(line => 'value' in line)
  const values = bars.flatMap(({ low, high, value }) => [low, high, value]).filter(value => value > 0)
  const least = chart.logarithmic ? 10 ** Math.floor(Math.log10(Math.min(...values) * 0.999)) : 0
  const most = Math.max(...values, least * 10)
  const height = rows.length * ROW + 24
  const svg = Plot.plot({
    document: document as never,
    className: 'plot',
    style: { fontSize: '11px' },
    width,
    height,
    marginTop: 0,
    marginBottom: 24,
    marginLeft: labels,
    marginRight: VALUES,
    x: { label: null, type: chart.logarithmic ? 'log' : 'linear', domain: [least || 0, most] },
    y: { axis: null, domain: rows.map(({ row }) => row), padding: 0 },
    marks: [
      Plot.axisX({
        ticks: Math.round(width / 100),
        tickFormat: (tick: number) => TICK.format(tick),
        tickSize: 3,
      }),
      ...[true, false].map(isOurs =>
        Plot.barX(
          bars.filter(bar => bar.isOurs === isOurs),
          {
            x1: least,
            x2: 'value',
            y: 'row',
            insetTop: 7,
            insetBottom: 7,
            className: isOurs ? 'ours' : 'other',
          },
        ),
      ),
      Plot.ruleY(
        bars.filter(({ low, high }) => high > low),
        { x1: 'low', x2: 'high', y: 'row', className: 'interval' },
      ),
      Plot.text(bars, { x: 'high', y: 'row', text: 'text', dx: 5, textAnchor: 'start' }),
      Plot.text(bars, {
        y: 'row',
        text: ({ label }: Bar) => wrap(label, labelLength).join('\n'),
        frameAnchor: 'left',
        textAnchor: 'end',
        dx: -6,
      }),
      Plot.text(
        rows.filter(line => 'title' in line),
        {
          y: 'row',
          text: 'title',
          frameAnchor: 'left',
          textAnchor: 'start',
          dx: PADDING - labels,
          fontWeight: 600,
        },
      ),
    ],
  })
  svg.querySelector('style')?.remove()
  // The style sheet has the colours.
  return { svg: svg.outerHTML.replaceAll(' fill="currentColor"', ''), height }
}

/** Returns the bars in the order of the table. With series, a title precedes each group. */
function linesOf({ columns, rows, chart }: ResultTable & { chart: Chart }): Line[] {
  const [x, y, series] = [chart.x, chart.y, chart.series].map(title =>
    columns.findIndex(column => column.title === title),
  ) as [number, number, number]
  const groups = new Map<string, Bar[]>()
  let group = ''
  for (const row of rows) {
    // An empty cell means the cell above.
    group = groupOf(row[x] ?? null, chart.x) || group
    const bar = barOf(row[y] ?? null, columns[y] ?? { title: '' })
    if (bar === undefined) continue
    const label = chart.series === undefined ? group : textOf(row[series] ?? null)
    groups.set(group, [...(groups.get(group) ?? []), { ...bar, label, isOurs: isOurs(label) }])
  }
  if (chart.series === undefined) return [...groups.values()].flat()
  return [...groups].flatMap(([title, bars]) => [{ title }, ...bars])
}

/** A number needs the title of its column. */
function groupOf(cell: Cell, title: string): string {
  return typeof cell === 'number' ? `${title}: ${textOf(cell)}` : textOf(cell)
}

function barOf(cell: Cell, { digits }: Column): Omit<Bar, 'label' | 'isOurs'> | undefined {
  if (cell === null || typeof cell === 'string') return undefined
  const {
    median: value,
    low,
    high,
  } = typeof cell === 'number' ? { median: cell, low: cell, high: cell } : cell
  return { value, low, high, text: textOf(value, digits === undefined ? {} : { digits }) }
}

/** True if a bar shows this package. */
function isOurs(label: string): boolean {
  return /tls-resumption|\bours\b|with us|\bauto\b|resumed/i.test(label)
}

function columnOf({ id, columns }: ResultTable, title: string): Column {
  const column = columns.find(candidate => candidate.title === title)
  if (column === undefined)
    throw new Error(`The chart of ${id} asks for a column '${title}' that is not there`)
  return column
}

function text(content: string, x: number, y: number, kind: string): string {
  return `<text class="${kind}" x="${x}" y="${y}">${escaped(content)}</text>`
}

/** Removes the marks of Markdown. */
function plain(markdown: string): string {
  return markdown.replace(/[`*]/g, '')
}

/** Breaks text into lines of at most `length` characters, between words if possible. */
export function wrap(content: string, length: number): string[] {
  const lines: string[] = []
  for (const word of content.split(/\s+/).filter(Boolean)) {
    const line = lines.at(-1)
    if (line !== undefined && line.length + 1 + word.length <= length)
      lines[lines.length - 1] = `${line} ${word}`
    else lines.push(word)
  }
  return lines
}

export function escaped(content: string): string {
  return content
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
}
