/**
 * Looks at a report in headless Chromium, in wide and narrow windows, light and dark. Finds errors of the page, and
 * content that is wider than the window or outside of its picture, contents that scroll away, and charts that leave the page
 * empty.
 */
import { pathToFileURL } from 'node:url'
import { chromium } from 'playwright-core'

export interface Look {
  colorScheme: 'light' | 'dark'
  width: number
  problems: string[]
}

/** With `screenshot`, writes pictures to that path with `-light-400.png` and so on. */
export async function inspect(file: string, executablePath: string, screenshot?: string): Promise<Look[]> {
  // The sandbox does not work for root.
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : []
  const browser = await chromium.launch({ executablePath, args })
  try {
    const looks: Look[] = []
    for (const colorScheme of ['light', 'dark'] as const) {
      for (const width of [1280, 820, 640, 390]) {
        const page = await browser.newPage({ colorScheme, viewport: { width, height: 900 } })
        const problems: string[] = []
        page.on('console', message => problems.push(`console: ${message.text()}`))
        page.on('pageerror', error => problems.push(`error: ${error.message}`))
        page.on('requestfailed', request => problems.push(`not found: ${request.url()}`))
        await page.goto(pathToFileURL(file).href)
        problems.push(
          ...(await page.evaluate<string[]>(CUT_OFF)),
          ...(await page.evaluate<string[]>(OUT_OF_SIGHT)),
        )
        if (screenshot)
          await page.screenshot({ path: `${screenshot}-${colorScheme}-${width}.png`, fullPage: true })
        looks.push({ colorScheme, width, problems })
        await page.close()
      }
    }
    return looks
  } finally {
    await browser.close()
  }
}

/** Runs in the page. Finds what reaches out of the window or of its picture, or overlaps another text. */
const CUT_OFF = `(() => {
  const problems = []
  const { scrollWidth } = document.documentElement
  if (scrollWidth > innerWidth) problems.push('the page is ' + scrollWidth + ' wide')
  const within = (inner, outer) =>
    inner.left >= outer.left - 1 && inner.right <= outer.right + 1 && inner.top >= outer.top - 1 && inner.bottom <= outer.bottom + 1
  for (const element of document.querySelectorAll('main *')) {
    const { left, right } = element.getBoundingClientRect()
    if (left < -1 || right > innerWidth + 1) problems.push('outside of the window: ' + element.outerHTML.slice(0, 80))
  }
  const charts = [...document.querySelectorAll('svg.chart')].filter(chart => chart.checkVisibility())
  for (const chart of charts) {
    const frame = chart.getBoundingClientRect()
    const { paddingLeft, paddingRight } = getComputedStyle(document.querySelector('main'))
    const room = document.querySelector('main').clientWidth - parseFloat(paddingLeft) - parseFloat(paddingRight)
    if (frame.width < room - 1) problems.push('a chart of ' + frame.width + ' px where there is room for ' + room)
    const texts = [...chart.querySelectorAll('text')].map(text => [text.textContent, text.getBoundingClientRect()])
    for (const [content, box] of texts) {
      if (!within(box, frame)) problems.push('cut off: ' + content)
    }
    for (const [index, [one, a]] of texts.entries()) {
      for (const [other, b] of texts.slice(index + 1)) {
        const isOver = a.left < b.right - 1 && b.left < a.right - 1 && a.top + 2 < b.bottom - 2 && b.top + 2 < a.bottom - 2
        if (isOver) problems.push('over one another: ' + one + ' / ' + other)
      }
    }
  }
  if (charts.length === 0) problems.push('no charts')
  return problems
})()`

/** Runs in the page. Scrolls to its end, where the contents must be in sight, and each of their links must lead somewhere. */
const OUT_OF_SIGHT = `(() => {
  const problems = []
  scrollTo(0, document.documentElement.scrollHeight)
  const links = [...document.querySelectorAll('nav a')]
  const [first] = links
  const { top, bottom } = first ? first.getBoundingClientRect() : { top: -1, bottom: -1 }
  if (top < 0 || bottom > innerHeight) problems.push('the contents are out of sight at the end of the page')
  for (const link of links) {
    if (document.getElementById(decodeURIComponent(link.hash.slice(1))) === null) problems.push('a link to nowhere: ' + link.hash)
  }
  for (const heading of document.querySelectorAll('h2, h3')) {
    if (!links.some(link => decodeURIComponent(link.hash) === '#' + heading.id)) problems.push('not in the contents: ' + heading.id)
  }
  scrollTo(0, 0)
  return problems
})()`
