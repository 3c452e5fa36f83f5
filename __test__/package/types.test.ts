/** Every public name has a test of its type, in `types`; the compiler runs those. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { parseSync } from 'oxc-parser'

const root = join(import.meta.dirname, '../..')
const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const entries = Object.keys(exports)
  .filter(entry => entry !== './package.json')
  .map(entry => (entry === '.' ? 'index' : entry.slice('./'.length)))

/** The names that a module exports, those of types too. */
function exportedFrom(path: string): string[] {
  const { module } = parseSync(path, readFileSync(path, 'utf8'))
  const names = module.staticExports.flatMap(({ entries }) => entries.map(({ exportName }) => exportName))
  return names.map(({ kind, name }) => (kind === 'Default' ? 'default' : (name ?? '*')))
}

/** What a test of types says of its imports, without the imports and the comments. */
function saidIn(source: string): string {
  return source
    .replace(/^import [^'"]*'[^']*'$/gm, '')
    .replace(/\/\*.*?\*\//gs, '')
    .replace(/\/\/.*$/gm, '')
}

for (const entry of entries) {
  test(`every name that ${entry} exports has a test of its type`, t => {
    const path = join(root, '__test__', 'types', `${entry}.ts`)
    const source = readFileSync(path, 'utf8')
    const said = saidIn(source)
    t.regex(said, /expectTypeOf/)
    for (const name of exportedFrom(join(root, 'src', `${entry}.ts`))) {
      // What `require()` returns is the default export again.
      if (name === 'module.exports') continue
      const local = name === 'default' ? source.match(/^import (?!type)(\w+)/m)?.[1] : name
      t.regex(said, new RegExp(`\\b${local}\\b`), `${path} says nothing of ${name}`)
    }
  })
}
