import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import test, { type ExecutionContext } from 'ava'
import type { Loaded } from '../workers/copies.ts'
import { runProgram, TYPESCRIPT } from '../workers/spawn.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const first = 'tls-resumption'

/** Installs a second copy of the package and returns the URL to import. */
async function secondCopy(t: ExecutionContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'tls-resumption-copy-'))
  t.teardown(() => rm(directory, { recursive: true, maxRetries: 3, force: true }))
  await cp(join(root, 'package.json'), join(directory, 'package.json'))
  await cp(join(root, 'dist'), join(directory, 'dist'), { recursive: true })
  return pathToFileURL(join(directory, 'dist', 'index.js')).href
}

async function load(t: ExecutionContext, main: string[], ...workers: string[][]): Promise<Loaded[]> {
  const { code, stdout, stderr } = await runProgram(
    TYPESCRIPT,
    'copies.ts',
    JSON.stringify({ main, workers }),
  )
  t.is(code, 0, stderr)
  return JSON.parse(stdout)
}

/** Checks that there was exactly one warning, and that it names the paths of both copies. */
function checkWarning(t: ExecutionContext, { warnings }: Loaded, second: string): void {
  t.deepEqual(
    warnings.map(({ code }) => code),
    ['TLS_RESUMPTION_SECOND_COPY'],
  )
  t.true(warnings[0]?.detail.includes(join(root, 'dist')), warnings[0]?.detail)
  t.true(warnings[0]?.detail.includes(join(fileURLToPath(second), '..')), warnings[0]?.detail)
}

test('addon: a second copy in one thread warns once, and both copies work separately', async t => {
  const second = await secondCopy(t)
  const [main] = (await load(t, [first, second])) as [Loaded]
  checkWarning(t, main, second)
  t.is(main.working, 2)
  t.deepEqual(main.sizes, [1, 1])
})

test('addon: a second copy in workers warns once in each worker that loads it', async t => {
  const second = await secondCopy(t)
  const [main, secondOnly, both] = (await load(t, [first], [second], [first, second])) as [
    Loaded,
    Loaded,
    Loaded,
  ]
  t.deepEqual(main.warnings, [])
  checkWarning(t, secondOnly, second)
  checkWarning(t, both, second)
  t.is(secondOnly.working, 1)
  t.is(both.working, 2)
})

test('addon: one copy in several threads does not warn', async t => {
  for (const loaded of await load(t, [first, first], [first], [first])) {
    t.deepEqual(loaded.warnings, [])
    t.true(loaded.working > 0)
  }
})
