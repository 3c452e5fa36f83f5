/**
 * Fails on folders with too many files, on two tests with one name, and on tests that are named after a source file of
 * another folder.
 */
import { execFileSync } from 'node:child_process'
import { posix } from 'node:path'

/** The most files of a folder, by the beginning of its path. The first that fits counts. */
const MOST_FILES = [
  ['__test__/workers', Number.POSITIVE_INFINITY],
  ['__test__', 25],
  ['src', 15],
  ['crates', 15],
]

/** Folders of tests whose source files are in another folder. */
const TESTS_OF = { tickets: 'server/tickets', trust: 'server' }

const { basename, dirname } = posix
const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  encoding: 'utf8',
})
  .split('\n')
  .filter(Boolean)
const problems = []

const counts = new Map()
for (const file of files) counts.set(dirname(file), (counts.get(dirname(file)) ?? 0) + 1)
for (const [folder, count] of counts) {
  const [, most] = MOST_FILES.find(([start]) => `${folder}/`.startsWith(`${start}/`)) ?? []
  if (count > most) problems.push(`${folder} has ${count} files, where ${most} are allowed`)
}

const tests = files.filter(file => /^__test__\/.+\.test\.ts$/.test(file))
const sources = files.filter(file => /^src\/.+\/.+\.ts$/.test(file))
for (const test of tests) {
  const same = tests.find(other => other < test && basename(other) === basename(test))
  if (same) problems.push(`${test} has the name of ${same}, by which documents and guards cite a test`)
  const named = sources.filter(file => basename(file, '.ts') === basename(test, '.test.ts'))
  const [, folder = ''] = test.match(/^__test__\/([^/]+)/) ?? []
  const wanted = `src/${TESTS_OF[folder] ?? folder}/`
  if (named.length === 0 || named.some(file => file.startsWith(wanted))) continue
  problems.push(`${test} is named after ${named.join(', ')}, but is in another folder`)
}

for (const problem of problems) console.error(problem)
process.exitCode = problems.length === 0 ? 0 : 1
