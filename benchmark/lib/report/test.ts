/** The program of `npm run test:report`. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { sampleResult } from '../../../__test__/support/results.ts'
import { find } from '../../../e2e/drivers/debian.ts'
import { inspect } from './inspect.ts'
import { page } from './page.ts'

const directory = join('target', 'report')
mkdirSync(directory, { recursive: true })
let [, , file] = process.argv
if (file === undefined) {
  file = join(directory, 'sample.html')
  writeFileSync(file, page([sampleResult]))
}
const chromium = process.env.CHROMIUM ?? find('chromium')
if (chromium === undefined) throw new Error('chromium is not installed')
const looks = await inspect(file, chromium, join(directory, 'look'))
for (const { colorScheme, width, problems } of looks) {
  process.stdout.write(
    `${colorScheme}, ${width} px: ${problems.length === 0 ? 'well' : problems.join('\n  ')}\n`,
  )
}
const failed = looks.filter(({ problems }) => problems.length > 0).length
process.stdout.write(`\n${looks.length - failed} passed, ${failed} failed\n`)
process.exitCode = failed === 0 ? 0 : 1
