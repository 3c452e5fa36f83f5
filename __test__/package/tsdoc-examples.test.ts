/** The examples in the comments of `src` compile. Those that need no peer also run and give the stated values. */
import { execFile } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'
import test from 'ava'
import { runNode, TYPESCRIPT } from '../workers/spawn.ts'

const root = join(import.meta.dirname, '../..')
const directory = join(root, 'target', 'tsdoc-examples')

/** Examples that connect to a peer. They are compiled, but not run. */
const NEED_A_PEER = ['connect-1', 'http2-1', 'https-agent-1', 'redis-tier-1']

const examples = new Map<string, string>()
for (const file of readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })) {
  if (!file.endsWith('.ts')) continue
  const source = readFileSync(join(root, 'src', file), 'utf8')
  for (const [index, [, block = '']] of [
    ...source.matchAll(/@example\n \* ```ts\n(.*?) \* ```/gs),
  ].entries()) {
    examples.set(`${basename(file, '.ts')}-${index + 1}`, block.replace(/^ \* ?/gm, ''))
  }
}

/** Turns each line `expression // value` of an example into an assertion. */
function withAssertions(example: string): string {
  const program = example.replace(
    /^(?!const |import )(\S.*?) \/\/ ('.*'|\d+)$/gm,
    (_line, expression, value) => {
      if (!value.includes('…')) return `assert.deepEqual(${expression}, ${value})`
      return `assert.ok(String(${expression}).startsWith(${value.replace(/…'$/, "'")}))`
    },
  )
  return `import assert from 'node:assert/strict'\n${program}`
}

test.before(() => {
  rmSync(directory, { recursive: true, force: true })
  mkdirSync(directory, { recursive: true })
  for (const [name, example] of examples)
    writeFileSync(join(directory, `${name}.ts`), withAssertions(example))
  const compilerOptions = { rootDir: '../..', noUnusedLocals: false }
  const settings = { extends: '../../tsconfig.check.json', compilerOptions, include: ['.'] }
  writeFileSync(join(directory, 'tsconfig.json'), JSON.stringify(settings))
})

test('TSDoc examples: they are found and have values to check', t => {
  t.true(examples.size >= 15)
  const checks =
    [...examples.values()]
      .map(withAssertions)
      .join()
      .match(/assert\.(deepEqual|ok)/g) ?? []
  t.true(checks.length >= 4)
})

test('TSDoc examples: they compile', async t => {
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  await t.notThrowsAsync(promisify(execFile)(process.execPath, [compiler, '-p', directory]))
})

test('TSDoc examples: those that need a peer exist', t => {
  for (const name of NEED_A_PEER) t.true(examples.has(name), name)
})

for (const name of examples.keys()) {
  if (NEED_A_PEER.includes(name)) continue
  test(`TSDoc examples: ${name} runs`, async t => {
    const { code, stderr } = await runNode([...TYPESCRIPT, join(directory, `${name}.ts`)])
    t.is(stderr, '')
    t.is(code, 0)
  })
}
