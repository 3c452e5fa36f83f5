/** Tests that documents cite exist, and so do the targets of links. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import test from 'ava'
import { slugOf } from '../benchmark/lib/report/document.ts'

const root = join(import.meta.dirname, '..')
const documents = ['README.md', 'ARCHITECTURE.md', 'SECURITY.md', 'CONTRIBUTING.md']
for (const name of readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })) {
  const isGenerated = name.startsWith(join('reference', 'api'))
  if (name.endsWith('.md') && !isGenerated) documents.push(join('docs', name))
}

/** A cited test: `file` › title. The title ends at `;`, at `|` or at the bracket that encloses the citation. */
const CITATION = /`([a-z0-9-]+)` › ((?:\(\)|[^;|)])+?)(?=;|\s*\||\)(?<!\(\)))/g

/** A test of the core, by its file and its function. */
const RUST_CITATION = /`((?:src|tests)\/[\w/]+\.rs)` › (\w+)/g

const tests = ['__test__', 'checks'].flatMap(folder =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.test.ts'))
    .map(name => join(root, folder, name)),
)

/** Returns the path of the test file with this name, in whatever folder. */
function testFile(name: string): string {
  const found = tests.find(path => basename(path) === `${name}.test.ts`)
  if (found === undefined) throw new Error(`no test file is called ${name}`)
  return found
}

for (const document of documents) {
  const text = readFileSync(join(root, document), 'utf8').replace(/\n *(?=\w)/g, ' ')
  const cited = [...text.matchAll(CITATION)].map(([, file = '', title = '']) => ({ file, title }))
  if (cited.length === 0) continue
  test(`links: the tests that ${document} cites exist`, t => {
    for (const { file, title } of cited) {
      const source = readFileSync(testFile(file), 'utf8')
      t.true(mentions(source, title), `${file} › ${title}`)
    }
  })
}

test('links: files and headings that documents link to exist', t => {
  const broken: string[] = []
  for (const document of [...documents, join('examples', 'README.md')]) {
    const text = readFileSync(join(root, document), 'utf8').replace(/^```.*?^```$/gms, '')
    for (const [, link = ''] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(link)) continue
      const [path = '', heading] = link.split('#')
      const target = path === '' ? join(root, document) : join(root, dirname(document), path)
      const isThere = existsSync(target) && (heading === undefined || anchorsOf(target).includes(heading))
      if (!isThere) broken.push(`${document}: ${link}`)
    }
  }
  t.deepEqual(broken, [])
})

/** Returns the anchors that GitHub makes of headings, and explicit anchors. */
function anchorsOf(file: string): string[] {
  const text = readFileSync(file, 'utf8')
  const written = [...text.matchAll(/<a id="([^"]+)">/g)].map(([, id = '']) => id)
  const seen = new Map<string, number>()
  const made = [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => {
    const anchor = slugOf(heading)
    const count = seen.get(anchor) ?? 0
    seen.set(anchor, count + 1)
    return count === 0 ? anchor : `${anchor}-${count}`
  })
  return [...written, ...made]
}

test('links: the tests of the core that documents cite exist', t => {
  const cited = documents.flatMap(document => [
    ...readFileSync(join(root, document), 'utf8').matchAll(RUST_CITATION),
  ])
  t.true(cited.length > 0)
  for (const [citation, file = '', name = ''] of cited) {
    const source = readFileSync(join(root, 'crates/core', file), 'utf8')
    t.regex(source, new RegExp(`#\\[test\\]\n(?:\\s*#\\[ignore[^\n]*\n)?\\s*fn ${name}\\(`), citation)
  }
})

/** Returns true if a test has the title. Variables of a template stand for any text. */
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

test('links: source files that documents name exist', t => {
  const files = ['src', 'crates', '__test__', 'scripts', 'e2e', 'benchmark', 'checks', 'examples'].flatMap(
    folder =>
      readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
        .filter(name => !/node_modules|target/.test(name))
        .map(name => `/${folder}/${name.replaceAll('\\', '/')}`),
  )
  const missing = documents.flatMap(document => {
    const text = readFileSync(join(root, document), 'utf8').replace(/^```.*?^```$/gms, '')
    const named = [...text.matchAll(/`(?:\.\.\/)*((?:[\w-]+\/)*[\w-]+\.(?:ts|rs|mjs))`/g)]
    return named
      .map(([, name = '']) => name)
      .filter(name => !files.some(file => file.endsWith(`/${name}`)))
      .map(name => `${document}: ${name}`)
  })
  // These pages name files of the reader or of other projects, or names to avoid.
  const isExpected = (finding: string) =>
    /^docs[\\/](tutorials|how-to|explanation[\\/]comparison|internals[\\/](style|glossary))/.test(finding)
  t.deepEqual(
    missing.filter(finding => !isExpected(finding)),
    [],
  )
})
