/**
 * The last step of `npm run bench`: writes the results of a folder as one HTML file, with charts beside it. With
 * `--documents`, writes the recorded results into the documents of the repository instead.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { resultsIn } from '../record.ts'
import { sorted } from './document.ts'
import { writeDocuments } from './documents.ts'
import { chartsOf, page } from './page.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { documents: { type: 'boolean' } },
})

if (values.documents) {
  for (const file of writeDocuments()) process.stdout.write(`wrote ${file}\n`)
} else {
  const [directory = join('target', 'bench')] = positionals
  const results = sorted(resultsIn(directory).values())
  const figures = join(directory, 'figures')
  rmSync(figures, { recursive: true, force: true })
  mkdirSync(figures, { recursive: true })
  for (const [name, svg] of chartsOf(results)) writeFileSync(join(figures, name), svg)
  const file = join(directory, 'report.html')
  writeFileSync(file, page(results))
  process.stdout.write(`wrote ${file}\n`)
}
