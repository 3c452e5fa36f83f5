/** The report of `npm run bench`, and its parts in documents. `npm run test:report` opens it in a browser. */
import test from 'ava'
import { sampleResult } from '../__test__/support/results.ts'
import { COLOURS, chartSvg, NARROW, WIDE, wrap } from '../benchmark/lib/report/chart.ts'
import { document, isCharted, origin, sorted, targets } from '../benchmark/lib/report/document.ts'
import { page } from '../benchmark/lib/report/page.ts'
import { benchmarkPage, summaryPage } from '../benchmark/lib/report/pages.ts'
import type { Result } from '../benchmark/lib/result.ts'

const charted = sampleResult.tables.filter(isCharted)
const svgs = charted.map(table => chartSvg(table, origin(sampleResult)))

test('report: a chart has a bar for each figure, a whisker for each interval, and its origin', t => {
  for (const [index, table] of charted.entries()) {
    const svg = svgs[index] ?? ''
    const column = table.columns.findIndex(({ title }) => title === table.chart.y)
    const figures = table.rows.map(row => row[column]).filter(cell => typeof cell === 'number' || cell)
    t.is(svg.match(/<rect(?! class="card")/g)?.length, figures.length, table.id)
    const intervals = figures.filter(cell => typeof cell === 'object')
    t.is(svg.match(/<line/g)?.length ?? 0, intervals.length, table.id)
    for (const words of [
      sampleResult.date,
      sampleResult.commit,
      'bench:sample',
      'Node 0.0.0',
      table.samples.slice(0, 20),
    ]) {
      t.true(svg.includes(words), `${table.id}: ${words}`)
    }
  }
})

test('report: a chart is equal each time it is drawn', t => {
  for (const [index, table] of charted.entries())
    t.is(chartSvg(table, origin(sampleResult)), svgs[index] ?? '')
})

test('report: a chart loads and runs nothing, and has a background for light and dark', t => {
  for (const svg of svgs) {
    t.notRegex(svg, /<script|href=|url\(|@import/)
    t.true(svg.includes(`width="${NARROW.width}"`))
    t.true(svg.includes('class="card"'))
    t.true(svg.includes('prefers-color-scheme:dark'))
    for (const { card } of Object.values(COLOURS)) t.true(svg.includes(card))
  }
})

test('report: texts have a contrast of at least 4.5, and bars of 3 (WCAG 2.2, 1.4.3 and 1.4.11)', t => {
  for (const { card, text, ours, other, met, missed } of Object.values(COLOURS)) {
    for (const colour of [text, met, missed]) t.true(contrast(card, colour) >= 4.5, colour)
    t.true(contrast(card, ours) >= 3, ours)
    t.true(contrast(card, other) >= 3, other)
  }
})

test('report: a chart of a missing column is rejected', t => {
  const [table] = charted
  if (table === undefined) throw new Error('no chart')
  const chart = { x: 'peer', y: 'CPU' }
  t.throws(() => chartSvg({ ...table, chart }, ''), { message: /handshakes asks for a column 'CPU'/ })
})

test('report: the document has command, date, commit, machine, versions and counts of each benchmark', t => {
  const text = document([sampleResult], 'figures')
  const { command, date, commit, machine } = sampleResult
  for (const words of [
    command,
    date,
    commit,
    machine.cpu,
    machine.system,
    'OpenSSL 0.0.0',
    '20 interleaved rounds',
  ]) {
    t.true(text.includes(words), words)
  }
  t.true(text.includes('![A full garbage collection with 1M sessions](figures/sample-gc.svg)'))
})

test('report: a missed target is shown with its reason', t => {
  const text = targets([sampleResult])
  t.regex(text, /^2 of 3 met\./)
  t.true(text.includes('Where we lose'))
  t.true(text.includes('The wipe costs a fifth.'))
})

test('report: chapters have an order, and other results come last', t => {
  const named = ['sample', 'core', 'clients'].map(name => ({ ...sampleResult, name }))
  t.deepEqual(
    sorted(named).map(({ name }) => name),
    ['clients', 'core', 'sample'],
  )
})

test('report: the page has every chart, loads nothing, and shows HTML of remarks as text', t => {
  const html = page([sampleResult])
  for (const { width } of [NARROW, WIDE]) {
    t.is(html.match(new RegExp(`class="chart" viewBox="0 0 ${width} `, 'g'))?.length, charted.length)
  }
  t.notRegex(html, /<script|<link[^>]+http|src=|@import|url\(/)
  t.true(html.includes('&lt;b&gt;Not&lt;/b&gt;'))
  t.false(html.includes('<b>Not'))
})

test('report: each target has its verdict in words, with a sign and a colour', t => {
  const html = page([sampleResult])
  const verdicts = [
    ...html.matchAll(/<span class="(met|missed)"><span aria-hidden="true">(.)<\/span> (\w+)<\/span>/g),
  ]
  t.deepEqual(
    verdicts.map(([, colour, sign, word]) => [colour, sign, word]),
    [
      ['met', '✓', 'met'],
      ['missed', '✗', 'missed'],
      ['met', '✓', 'met'],
    ],
  )
  t.is(html.match(/<tr class="miss">/g)?.length, 1)
})

test('report: a row of a group repeats the name of the group for narrow windows', t => {
  const html = page([sampleResult])
  t.is(html.match(/<span class="repeated">RSA, TLS 1.3, client certificate<\/span>/g)?.length, 2)
  t.is(html.match(/<span class="repeated">ECDSA, TLS 1.2<\/span>/g)?.length, 2)
})

test('report: the contents name each chapter and table, and each link has its own target', t => {
  const html = page([sampleResult, { ...sampleResult, name: 'core' }])
  const [, contents = ''] = html.match(/<nav aria-label="Contents">(.*?)<\/nav>/s) ?? []
  const links = [...contents.matchAll(/href="#([^"]+)"/g)].map(([, id]) => id)
  t.is(links.length, 1 + 2 * (1 + sampleResult.tables.length))
  t.is(new Set(links).size, links.length)
  for (const id of links) t.is(html.split(`id="${id}"`).length, 2, id)
})

/** A result of a Node.js, whose figure is compared between versions. */
function startUp(node: string, median: number): Result {
  const added = { median, low: median - 1, high: median + 1 }
  return {
    ...sampleResult,
    name: 'start-up',
    versions: { node },
    tables: [
      {
        id: 'start',
        title: 'Starts',
        columns: [{ title: 'figure' }, { title: 'added by the flag', digits: 0 }],
        rows: [['time, ms', added]],
        samples: 'once',
      },
    ],
    targets: [],
  }
}

test('report: figures of other versions of Node.js stand beside, those of Node.js 20 only if they differ', t => {
  const beside = (...others: Result[]) => others.map(result => new Map([[result.name, result]]))
  const text = (...others: Result[]) => benchmarkPage(startUp('24.0.0', 10), beside(...others), 'figures')
  t.true(text(startUp('26.1.0', 10)).includes('| time, ms | 10 (9-11) | 10 (9-11) |'))
  t.regex(text(startUp('26.1.0', 10)), /added by the flag, Node 26[\s\S]+Beside it: .*\n?.*Node 26\.1\.0/)
  t.false(text(startUp('20.1.0', 11)).includes('Node 20'))
  t.true(text(startUp('20.1.0', 20)).includes('added by the flag, Node 20'))
})

test('report: the summary names the worst of targets that say the same of several cases', t => {
  const target = (kind: string, value: number) => ({
    figure: `${kind}: CPU of a handshake`,
    atMost: 2,
    value,
    reason: `because of ${kind}`,
  })
  const text = summaryPage({
    results: [{ ...sampleResult, targets: [target('RSA', 1), target('ECDSA', 3)] }],
    beside: [],
  })
  t.true(text.includes('1 of 2 met.'))
  t.true(text.includes('| CPU of a handshake, worst of 2 (ECDSA) | ≤ 2 | 3 | missed |'))
  t.true(text.includes('Because of ECDSA.'))
  t.false(text.includes('ecause of RSA'))
})

test('report: wrapping keeps every word', t => {
  t.deepEqual(wrap('one two  three', 7), ['one two', 'three'])
  t.deepEqual(wrap('longer-than-that', 4), ['longer-than-that'])
  t.deepEqual(wrap('', 4), [])
})

function contrast(one: string, other: string): number {
  const [light = 0, dark = 0] = [luminance(one), luminance(other)].sort((a, b) => b - a)
  return (light + 0.05) / (dark + 0.05)
}

function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map(at => {
    const part = Number.parseInt(colour.slice(at, at + 2), 16) / 255
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}
