/**
 * Looks at a report in headless Chromium, in wide and narrow windows, light and dark. Finds errors of the page, and
 * content that is wider than the window or outside of its picture.
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
      for (const width of [1280, 400]) {
        const page = await browser.newPage({ colorScheme, viewport: { width, height: 900 } })
        const problems: string[] = []
        page.on('console', message => problems.push(`console: ${message.text()}`))
        page.on('pageerror', error => problems.push(`error: ${error.message}`))
        page.on('requestfailed', request => problems.push(`not found: ${request.url()}`))
        await page.goto(pathToFileURL(file).href)
        problems.push(...(await page.evaluate<string[]>(CUT_OFF)))
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
  for (const chart of document.querySelectorAll('svg.chart')) {
    const frame = chart.getBoundingClientRect()
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
  if (document.querySelectorAll('svg.chart').length === 0) problems.push('no charts')
  return problems
})()`
