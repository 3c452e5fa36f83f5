/**
 * `npm run test:guards`: takes each guard of trust out, one by one, in a copy of what was built, and runs the test that is
 * to notice. Fails where none does: then the guard could be lost without anybody's seeing it.
 *
 * `-- recheck` takes those alone whose file or test has that in its name.
 */
import { spawn } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { transformSync } from 'esbuild'
import { root, setUp } from '../../lib/setup.mjs'
import { GUARDS } from './list.mjs'

const AVA = 'node_modules/ava/entrypoints/cli.mjs'
const wanted = process.argv.slice(2)
const guards = Object.entries(GUARDS).flatMap(([rule, list]) => list.map(guard => ({ rule, ...guard })))
const chosen = guards.filter(
  ({ file, test }) => wanted.length === 0 || wanted.some(word => `${file} ${test}`.includes(word)),
)
if (chosen.length === 0) throw new RangeError(`no guard is in a file or has a test of that name: ${wanted}`)
const missing = rowsWithout(Object.keys(GUARDS))
for (const row of missing) process.stdout.write(`✘ no guard is listed for this row of SECURITY.md: ${row}\n`)

await setUp()
await buildPeer()
const copies = Array.from({ length: Math.min(os.availableParallelism(), 4) }, (_, index) => makeCopy(index))
const failures = missing.length + (await whole())
const results = await spread(
  chosen.filter(({ needs }) => needs),
  tryWithout,
)
const survivors = results.filter(Boolean)
const skipped = chosen.filter(({ needs }) => !needs).length
if (skipped) process.stdout.write(`${skipped} guards are against what this Node.js does not have\n`)
const failed = failures + survivors.length
process.stdout.write(`\n${results.length - survivors.length} passed, ${failed} failed\n`)
process.exitCode = failed === 0 ? 0 : 1

/** The rows of the tables for which no guard is listed. */
function rowsWithout(rules) {
  const text = readFileSync(join(root, 'SECURITY.md'), 'utf8')
  const rows = [...text.matchAll(/^\| (?!---)(.+?) \|.*`[a-z-]+`.*\|$/gm)].map(([, first]) => first)
  if (rows.length === 0) throw new Error('SECURITY.md has no table any more')
  return rows.filter(row => !rules.some(rule => row.startsWith(rule)))
}

async function buildPeer() {
  const code = await run(['cargo', 'build', '--locked', '--quiet', '--package', 'tls-resumption-peer'], root)
  if (code.code !== 0) throw new Error(code.output)
}

/** What tests need: they find the package by its name, and so in the folder that they are in. */
function makeCopy(index) {
  const directory = join(root, 'target', 'guards', String(index))
  rmSync(directory, { recursive: true, force: true })
  mkdirSync(directory, { recursive: true })
  for (const name of ['package.json', 'dist', '__test__', 'fixtures', 'scripts']) {
    cpSync(join(root, name), join(directory, name), { recursive: true })
  }
  symlinkSync(join(root, 'node_modules'), join(directory, 'node_modules'), 'junction')
  return directory
}

/** With all guards in their places every test has to pass; otherwise its failure says nothing. */
async function whole() {
  const files = [...new Set(chosen.map(({ test }) => test.split(' › ')[0]))]
  const outputs = await spread(files, async (file, copy) => ({ file, ...(await ava(copy, file)) }))
  const broken = outputs.filter(({ code }) => code !== 0)
  for (const { file, output } of broken) process.stdout.write(`✘ with all guards: ${file}\n${output}\n`)
  if (broken.length === 0) process.stdout.write(`✔ with all guards ${files.length} files of tests pass\n`)
  return broken.length
}

/** Whether nobody noticed. */
async function tryWithout({ rule, file, take, leave, test }, copy) {
  const source = readFileSync(join(root, 'src', file), 'utf8')
  const target = join(copy, 'dist', file.replace(/\.ts$/, '.js'))
  const say = (mark, what) => process.stdout.write(`${mark} ${rule} | ${file} | ${test}${what}\n`)
  if (source.split(take).length !== 2) {
    say('✘', `: the guard is not in the file once, as\n${take}`)
    return true
  }
  const built = readFileSync(target)
  const mutant = source.replace(take, () => leave)
  writeFileSync(target, transformSync(mutant, { loader: 'ts', format: 'esm', target: 'node20' }).code)
  const [tests, title] = test.split(' › ')
  const { code, output } = await ava(copy, tests, title)
  writeFileSync(target, built)
  // A test that failed, and not a file that could not be loaded.
  const isNoticed =
    code !== 0 && /^\s+✘ /m.test(output) && !/SyntaxError|does not provide an export/.test(output)
  if (isNoticed) say('✔', '')
  else say('✘', `: nobody noticed\n${output}`)
  return !isNoticed
}

async function ava(copy, file, title) {
  const match = title === undefined ? [] : ['--match', title]
  const path = `__test__/**/${file}.test.ts`
  return run([process.execPath, AVA, path, '--timeout', '30s', ...match], copy)
}

/** Does the work in all copies at once, one piece in each at a time. */
async function spread(items, work) {
  const results = []
  const left = [...items.entries()]
  await Promise.all(
    copies.map(async copy => {
      for (let next = left.shift(); next !== undefined; next = left.shift()) {
        const [index, item] = next
        results[index] = await work(item, copy)
      }
    }),
  )
  return results
}

function run([program, ...args], cwd) {
  return new Promise((resolve, reject) => {
    const env = {
      ...process.env,
      NO_COLOR: '1',
      TLS_RESUMPTION_TEST_PEER: join(root, 'target', 'debug', 'tls-resumption-peer'),
    }
    const child = spawn(program, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', text => {
        output += stripVTControlCharacters(text)
      })
    }
    child.on('error', reject)
    child.on('close', code => resolve({ code, output }))
  })
}
