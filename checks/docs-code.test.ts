/** The code blocks of documents are valid, and import only what the package exports. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { parseSync } from 'oxc-parser'

const root = join(import.meta.dirname, '..')
const documents = [
  'README.md',
  ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.md') && !name.startsWith(join('reference', 'api')))
    .map(name => join('docs', name)),
]

interface Block {
  document: string
  code: string
}

const blocks: Block[] = documents.flatMap(document => {
  const text = readFileSync(join(root, document), 'utf8')
  return [...text.matchAll(/^```(\w*)\n(.*?)^```$/gms)].flatMap(([, language, code = '']) =>
    language === 'js' || language === 'ts' ? { document, code } : [],
  )
})

test('code in documents: every block is valid', t => {
  t.true(blocks.length > 20)
  for (const { document, code } of blocks) {
    const { errors } = parseSync('block.ts', code, { sourceType: 'module' })
    t.deepEqual(
      errors.map(({ message }) => message),
      [],
      `${document}\n${code}`,
    )
  }
})

test('code in documents: every name that it imports from the package exists', async t => {
  for (const { document, code } of blocks) {
    const { module } = parseSync('block.ts', code, { sourceType: 'module' })
    for (const { moduleRequest, entries } of module.staticImports) {
      if (!moduleRequest.value.startsWith('tls-resumption')) continue
      const exported = await import(moduleRequest.value)
      for (const { importName, isType } of entries) {
        if (isType || importName.kind !== 'Name') continue
        t.true(importName.name !== null && importName.name in exported, `${document}: ${importName.name}`)
      }
    }
  }
})
