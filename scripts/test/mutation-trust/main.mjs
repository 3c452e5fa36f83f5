/**
 * `npm run test:guards`: removes one guard of trust at a time from a copy of the build, and runs the tests that
 * have to fail then. README.md explains the annotations. The last line is `N passed, M failed`.
 *
 * - `-- reverify` removes only the guards whose file, rule or test contains that word.
 * - `-- --list` prints the guards and runs nothing.
 * - `-- --check` only checks that each annotation can be applied and that its test exists. Needs no build.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { transformSync } from 'esbuild'
import { root, setUp } from '../../lib/setup.mjs'
import { buildPeer, makeCopies, runTests, spread } from './copies.mjs'
import { hasTitle, readGuards, rowsWithoutGuard, testFile } from './guards.mjs'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { check: { type: 'boolean', default: false }, list: { type: 'boolean', default: false } },
})
const guards = readGuards()
const chosen = guards.filter(
  ({ file, rule, test, title }) =>
    positionals.length === 0 || positionals.some(word => `${file} ${rule} ${test} ${title}`.includes(word)),
)
if (chosen.length === 0) throw new RangeError(`no guard has these words: ${positionals.join(', ')}`)

const missing = rowsWithoutGuard(guards.map(({ rule }) => rule))
for (const row of missing) process.stdout.write(`✘ this row begins with no rule of a guard: ${row}\n`)

if (values.list) for (const guard of chosen) process.stdout.write(`${describe(guard)}\n`)
else if (values.check) check()
else await removeAll()

function describe({ rule, file, line, test, title }) {
  return `${rule} | src/${file}:${line} | ${test} › ${title}`
}

function check() {
  const untested = chosen.filter(({ test, title }) => !hasTitle(test, title))
  for (const guard of untested) process.stdout.write(`✘ no test has this title | ${describe(guard)}\n`)
  // An annotation that cannot be applied throws.
  for (const guard of chosen) compile(guard)
  process.exitCode = missing.length + untested.length === 0 ? 0 : 1
}

async function removeAll() {
  await setUp()
  await buildPeer()
  const copies = makeCopies()
  const sum = { passed: 0, failed: missing.length }
  const states = await runIntact(copies)
  for (const { file, output } of states.broken) {
    sum.failed++
    process.stdout.write(`✘ fails with all guards: ${file}\n${output}\n`)
  }
  const runnable = chosen.filter(guard => states.of(guard) === 'passed')
  for (const guard of chosen) {
    const state = states.of(guard)
    if (state === 'skipped') process.stdout.write(`- not run here | ${describe(guard)}\n`)
    if (state !== 'missing') continue
    sum.failed++
    process.stdout.write(`✘ no test has this title | ${describe(guard)}\n`)
  }
  await spread(copies, runnable, async (guard, copy) => {
    const { isNoticed, output } = await runWithout(guard, copy)
    sum[isNoticed ? 'passed' : 'failed']++
    process.stdout.write(
      isNoticed ? `✔ ${describe(guard)}\n` : `✘ no test fails without it | ${describe(guard)}\n${output}\n`,
    )
  })
  process.stdout.write(`\n${sum.passed} passed, ${sum.failed} failed\n`)
  process.exitCode = sum.failed === 0 ? 0 : 1
}

/** Runs the test files with all guards. A test that fails then, or does not exist, would prove nothing. */
async function runIntact(copies) {
  const files = [...new Set(chosen.map(({ test }) => testFile(test)))].filter(Boolean)
  const runs = await spread(copies, files, async (file, copy) => ({ file, ...(await runTests(copy, file)) }))
  const outputs = new Map(runs.map(({ file, output }) => [file, output]))
  return {
    broken: runs.filter(({ code }) => code !== 0),
    of({ test, title }) {
      const titled = title.split('*').map(part => part.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&'))
      // Only one file runs, so ava prints no file before the title. A slow test has its time after it.
      const line = new RegExp(`^ +(✔|- \\[skip\\]:?|✘ \\[fail\\]:) ${titled.join('.*')}( \\(.+\\))?$`, 'gm')
      const marks = [...(outputs.get(testFile(test)) ?? '').matchAll(line)].map(([, mark]) => mark)
      if (marks.length === 0) return 'missing'
      if (marks.some(mark => mark.startsWith('✘'))) return 'broken'
      return marks.every(mark => mark.startsWith('-')) ? 'skipped' : 'passed'
    },
  }
}

async function runWithout(guard, copy) {
  const target = join(copy, 'dist', guard.file.replace(/\.ts$/, '.js'))
  const built = readFileSync(target)
  writeFileSync(target, compile(guard))
  const { code, output } = await runTests(copy, testFile(guard.test), guard.title)
  writeFileSync(target, built)
  // A test has to fail, crash or hang. A file that cannot be loaded does not count.
  const isFailure = /^ +(✘ \[fail\]:|✘ Timed out|Uncaught exception|Unhandled rejection)/m.test(output)
  const isLoaded = !/SyntaxError|ERR_MODULE_NOT_FOUND|does not provide an export/.test(output)
  return { isNoticed: code !== 0 && isFailure && isLoaded, output }
}

/** Returns the JavaScript of a source file without the guard. */
function compile({ file, remove }) {
  const mutant = remove(readFileSync(join(root, 'src', file), 'utf8'))
  return transformSync(mutant, { loader: 'ts', format: 'esm', target: 'node20', sourcefile: file }).code
}
