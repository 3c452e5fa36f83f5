import { cp, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import test, { type ExecutionContext } from 'ava'
import { runProgram } from './workers/spawn.ts'

const dist = fileURLToPath(new URL('../dist', import.meta.url))

/** Imports the package in a process of its own, which must fail with a coded error and in no other way. */
async function checkRefused(t: ExecutionContext, flags: string[], module = 'tls-resumption'): Promise<void> {
  const { code, stdout, stderr } = await runProgram(flags, 'load.mjs', module)
  t.is(code, 0, stderr)
  const outcome = JSON.parse(stdout)
  t.is(outcome.code, 'ERR_TLS_RESUMPTION_ADDON', stdout)
  t.is(outcome.name, 'Error')
  t.truthy(outcome.cause)
  t.is(outcome.message, `The native addon of tls-resumption could not be loaded: ${outcome.cause}`)
}

/** A copy of dist whose addon `change` does something to. */
async function copyOfDist(t: ExecutionContext, change: (addon: string) => Promise<void>): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'tls-resumption-addon-'))
  t.teardown(() => rm(directory, { recursive: true, maxRetries: 3, force: true }))
  await cp(dist, directory, { recursive: true })
  await writeFile(join(directory, 'package.json'), '{ "type": "module" }')
  for (const name of await readdir(join(directory, 'binding'))) {
    if (name.endsWith('.node')) await change(join(directory, 'binding', name))
  }
  return pathToFileURL(join(directory, 'index.js')).href
}

test('where addons may not be loaded, importing the package fails with a code', async t => {
  await checkRefused(t, ['--no-addons'])
})

test('under the permission model, importing the package fails with a code', async t => {
  const name = process.allowedNodeEnvironmentFlags.has('--permission')
    ? 'permission'
    : 'experimental-permission'
  await checkRefused(t, [`--${name}`, '--allow-fs-read=*'])
})

test('without a binary, importing the package fails with a code', async t => {
  await checkRefused(t, [], await copyOfDist(t, addon => rm(addon)))
})

test('with a damaged binary, importing the package fails with a code', async t => {
  await checkRefused(t, [], await copyOfDist(t, addon => writeFile(addon, 'not a library')))
})

test('a copy of dist with its binary loads, so that the tests above fail for no other reason', async t => {
  const { stdout, stderr } = await runProgram([], 'load.mjs', await copyOfDist(t, async () => {}))
  t.deepEqual(JSON.parse(stdout), { loaded: true }, stderr)
})
