import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../../lib/setup.mjs'
import { readAnnotations } from './annotations.mjs'

/** The documents whose tables list what is guarded. A row begins with a rule in backticks, which needs a guard. */
const DOCUMENTS = [
  'SECURITY.md',
  'docs/explanation/trust-model.md',
  'docs/explanation/trust-model-servers.md',
]

/** @returns {import('./annotations.mjs').Guard[]} */
export function readGuards() {
  return readdirSync(join(root, 'src'), { recursive: true })
    .filter(file => file.endsWith('.ts'))
    .map(file => file.replaceAll('\\', '/'))
    .sort()
    .flatMap(file => {
      const source = readFileSync(join(root, 'src', file), 'utf8')
      return source.includes('@guard ') ? readAnnotations(file, source) : []
    })
}

/** Returns the paths of the test files that have to fail without a guard. */
export function guardTests() {
  return [...new Set(readGuards().map(({ test }) => testFile(test)))].filter(Boolean)
}

/** Returns the path of a test file, in any folder. */
export function testFile(name) {
  const path = readdirSync(join(root, '__test__'), { recursive: true })
    .map(file => file.replaceAll('\\', '/'))
    .find(file => file.split('/').at(-1) === `${name}.test.ts`)
  return path === undefined ? undefined : `__test__/${path}`
}

/**
 * Returns true if a text in the test file may be this title. `*` in the title and `${…}` in the text are unknown
 * parts.
 */
export function hasTitle(test, title) {
  const file = testFile(test)
  const source = file === undefined ? '' : readFileSync(join(root, file), 'utf8')
  return [...source.matchAll(/(['"`])((?:\\.|(?!\1).)+)\1/g)].some(([, , text]) => {
    const known = text.replaceAll('\\', '').replace(/\$\{[^}]*\}/g, '*')
    return known.replaceAll('*', '').length > 5 && overlap(title, known)
  })
}

/** Returns true if a text exists that matches both patterns, in which `*` stands for any text. */
function overlap(one, other) {
  // For each beginning of `one`: whether it matches the beginning of `other` that was read so far.
  let row = Array.from({ length: one.length + 1 }, (_, n) => /^\**$/.test(one.slice(0, n)))
  for (const character of other) {
    const next = [character === '*' && row[0]]
    for (let n = 1; n <= one.length; n++) {
      const isWild = one[n - 1] === '*' || character === '*'
      next[n] = isWild ? row[n] || next[n - 1] || row[n - 1] : row[n - 1] && one[n - 1] === character
    }
    row = next
  }
  return row[one.length]
}

/** Returns the rows of the tables whose rule has no guard. */
export function rowsWithoutGuard(rules) {
  const text = DOCUMENTS.map(name => readIfThere(join(root, name))).join('\n')
  const rows = [...text.matchAll(/^\| (?!---)(.+?) \|.*`[a-z-]+`.*\|$/gm)].map(([, first]) => first)
  if (rows.length === 0) throw new Error(`${DOCUMENTS.join(' and ')} have no table of what is guarded`)
  return rows.filter(row => !rules.some(rule => row.startsWith(`\`${rule}\``)))
}

function readIfThere(path) {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
