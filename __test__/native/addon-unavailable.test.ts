import { cp, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import test, { type ExecutionContext } from 'ava'
import { PLATFORMS, platformName } from '../../dist/native/platform.js'
import { runProgram, runProgramIn } from '../workers/spawn.ts'

const DISABLED = /^Cannot load native addon because loading addons is disabled\.$/

const dist = fileURLToPath(new URL('../../dist', import.meta.url))

/** Imports the package in a process of its own, which must fail with a coded error and in no other way. */
async function checkRefused(
  t: ExecutionContext,
  reason: RegExp,
  flags: string[],
  module = 'tls-resumption',
  env: Record<string, string> = {},
): Promise<void> {
  const { code, stdout, stderr } = await runProgramIn(env, flags, 'load.mjs', module)
  t.is(code, 0, stderr)
  const outcome = JSON.parse(stdout)
  t.is(outcome.code, 'ERR_TLS_RESUMPTION_ADDON', stdout)
  t.is(outcome.name, 'Error')
  t.truthy(outcome.cause)
  const [start, ...rest] = outcome.message.split(': ')
  t.is(start, 'The native addon of tls-resumption could not be loaded')
  t.regex(rest.join(': '), reason)
  t.notRegex(outcome.message, /\n/, 'a sentence')
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
  await checkRefused(t, DISABLED, ['--no-addons'])
})

test('under the permission model, importing the package fails with a code', async t => {
  const name = process.allowedNodeEnvironmentFlags.has('--permission')
    ? 'permission'
    : 'experimental-permission'
  await checkRefused(t, DISABLED, [`--${name}`, '--allow-fs-read=*'])
})

test('without a binary, importing the package names the one that is missing', async t => {
  const wanted = new RegExp(
    `^the package tls-resumption-${platformName()}, .* is not installed \\(.*build it from source`,
  )
  await checkRefused(t, wanted, [], await copyOfDist(t, addon => rm(addon)))
})

test('on a platform that has none, importing the package tells which have, and how to build one', async t => {
  const copy = await copyOfDist(t, addon => rm(addon))
  for (const [property, value, name] of [
    ['arch', 'riscv64', /^there is no binary for \w+-riscv64\S*, only for /],
    ['platform', 'freebsd', /^there is no binary for freebsd-\w+, only for /],
  ] as const) {
    const there = `Object.defineProperty(process, '${property}', { value: '${value}' })`
    const flags = ['--import', `data:text/javascript,${encodeURIComponent(there)}`]
    await checkRefused(t, name, flags, copy)
    await checkRefused(
      t,
      new RegExp(`only for ${PLATFORMS.join(', ')}; to build it from source, run`),
      flags,
      copy,
    )
  }
})

test('the platforms that are told are those that have a package', async t => {
  const packages = await readdir(new URL('../../npm', import.meta.url))
  t.deepEqual([...PLATFORMS].sort(), packages.sort())
  t.true(PLATFORMS.includes(platformName()), 'and this is one of them')
})

test('with a damaged binary, importing the package fails with the reason of the system', async t => {
  const damaged = await copyOfDist(t, addon => writeFile(addon, 'not a library'))
  await checkRefused(t, /tls-resumption\..*\.node/, [], damaged)
})

test('where the environment names a binary that is not there, the error says so', async t => {
  const reason = /^there is no \S+no-such\.node, which NAPI_RS_NATIVE_LIBRARY_PATH names$/
  const env = { NAPI_RS_NATIVE_LIBRARY_PATH: join(tmpdir(), 'no-such.node') }
  await checkRefused(t, reason, [], 'tls-resumption', env)
})

test('a copy of dist with its binary loads, so that the tests above fail for no other reason', async t => {
  const { stdout, stderr } = await runProgram([], 'load.mjs', await copyOfDist(t, async () => {}))
  t.deepEqual(JSON.parse(stdout), { loaded: true }, stderr)
})
