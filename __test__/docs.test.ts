/** What the documents cite exists. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'

const root = join(import.meta.dirname, '..')
const documents = ['README.md', 'ARCHITECTURE.md', 'SECURITY.md', 'BENCHMARKS.md', 'CONTRIBUTING.md']
for (const name of readdirSync(join(root, 'docs'))) documents.push(join('docs', name))

/** `file` › title, as ava prints it. A title ends with its sentence, or its cell. */
const CITATION = /`([a-z0-9-]+)` › ([^;|)]+?)(?=;|\s*\||\))/g

for (const document of documents) {
  const text = readFileSync(join(root, document), 'utf8').replace(/\n *(?=\w)/g, ' ')
  const cited = [...text.matchAll(CITATION)].map(([, file = '', title = '']) => ({ file, title }))
  if (cited.length === 0) continue
  test(`the tests that ${document} cites exist`, t => {
    for (const { file, title } of cited) {
      const source = readFileSync(join(root, '__test__', `${file}.test.ts`), 'utf8')
      t.true(mentions(source, title), `${file} › ${title}`)
    }
  })
}

/** Whether a test has the title, in full or with what a template puts in the place of its variables. */
function mentions(source: string, title: string): boolean {
  const titles = [...source.matchAll(/\b(?:test(?:\.serial|WithStore)?|serial)\(\s*(['"`])(.*?)\1\s*,/g)].map(
    ([, , text = '']) => text,
  )
  return titles.some(candidate => {
    const pattern = candidate
      .split(/\$\{[^}]*\}/)
      .map(part => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
      .join('.+')
    return new RegExp(`^${pattern}$`).test(title)
  })
}
