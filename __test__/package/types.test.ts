/** Every public name has a test of its type in `__test__/types`. The compiler runs these tests. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { parseSync } from 'oxc-parser'

const root = join(import.meta.dirname, '../..')
const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const entries = Object.keys(exports)
  .filter(entry => entry !== './package.json')
  .map(entry => (entry === '.' ? 'index' : entry.slice('./'.length)))

/** Returns the names that a module exports, with those of types. */
function exportedFrom(path: string): string[] {
  const { module } = parseSync(path, readFileSync(path, 'utf8'))
  const names = module.staticExports.flatMap(({ entries }) => entries.map(({ exportName }) => exportName))
  return names.map(({ kind, name }) => (kind === 'Default' ? 'default' : (name ?? '*')))
}

/** Returns the source without imports and comments. */
function bodyOf(source: string): string {
  return source
    .replace(/^import [^'"]*'[^']*'$/gm, '')
    .replace(/\/\*.*?\*\//gs, '')
    .replace(/\/\/.*$/gm, '')
}

for (const entry of entries) {
  test(`types: every export of ${entry} has a test of its type`, t => {
    const path = join(root, '__test__', 'types', `${entry}.ts`)
    const source = readFileSync(path, 'utf8')
    const body = bodyOf(source)
    t.regex(body, /expectTypeOf/)
    for (const name of exportedFrom(join(root, 'src', `${entry}.ts`))) {
      // The export for `require()` is the default export.
      if (name === 'module.exports') continue
      const local = name === 'default' ? source.match(/^import (?!type)(\w+)/m)?.[1] : name
      t.regex(body, new RegExp(`\\b${local}\\b`), `${path} does not test ${name}`)
    }
  })
}
