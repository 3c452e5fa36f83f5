import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../../lib/setup.mjs'
import { readAnnotations } from './annotations.mjs'
import { GUARDS } from './list.mjs'

/** The documents whose tables list what is guarded. A row begins with a rule in backticks, which needs a guard. */
const DOCUMENTS = ['SECURITY.md', 'docs/explanation/trust-model.md']

/** @returns {import('./annotations.mjs').Guard[]} */
export function readGuards() {
  return [...annotated(), ...listed()]
}

/** Returns the paths of the test files that have to fail without a guard. */
export function guardTests() {
  return [...new Set(readGuards().map(({ test }) => testFile(test)))]
}

/** Returns the path of a test file, in any folder. */
export function testFile(name) {
  const path = readdirSync(join(root, '__test__'), { recursive: true })
    .map(file => file.replaceAll('\\', '/'))
    .find(file => file.split('/').at(-1) === `${name}.test.ts`)
  if (path === undefined) throw new Error(`no test file is called ${name}.test.ts`)
  return `__test__/${path}`
}

/**
 * Returns true if a text in the test file may be this title. `*` in the title and `${…}` in the text are unknown
 * parts.
 */
export function hasTitle(test, title) {
  const source = readFileSync(join(root, testFile(test)), 'utf8')
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

function annotated() {
  return readdirSync(join(root, 'src'), { recursive: true })
    .filter(file => file.endsWith('.ts'))
    .map(file => file.replaceAll('\\', '/'))
    .sort()
    .flatMap(file => {
      const source = readFileSync(join(root, 'src', file), 'utf8')
      return source.includes('@guard ') ? readAnnotations(file, source) : []
    })
}

/** The guards that have no annotation yet. */
function listed() {
  return Object.entries(GUARDS).flatMap(([rule, list]) =>
    list.map(({ file, take, leave, test }) => {
      const [name, title] = test.split(' › ')
      const before = readIfThere(join(root, 'src', file)).split(take)[0]
      return { rule, file, line: before.split('\n').length, test: name, title, remove, isListed: true }

      function remove(source) {
        if (source.split(take).length !== 2) throw new Error(`src/${file} does not have this once: ${take}`)
        return source.replace(take, () => leave)
      }
    }),
  )
}

function readIfThere(path) {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
