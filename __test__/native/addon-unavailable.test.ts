import { cp, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import test, { type ExecutionContext } from 'ava'
import { PLATFORMS, platformName } from '../../dist/native/platform.js'
import { runProgram, runProgramIn } from '../workers/spawn.ts'

const DISABLED = /^Cannot load native addon because loading addons is disabled\.$/

const dist = fileURLToPath(new URL('../../dist', import.meta.url))

/** Imports the package in a new process and checks that it fails with a coded error. */
async function checkUnavailable(
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
  const [start, ...rest] = outcome.message.split(': ')
  t.is(start, 'The native addon of tls-resumption could not be loaded')
  t.regex(rest.join(': '), reason)
  t.notRegex(outcome.message, /\n/, 'the message is one sentence')
}

/** Copies dist, lets `change` modify the addon of the copy, and returns the URL of the copy. */
async function copyOfDist(t: ExecutionContext, change: (addon: string) => Promise<void>): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'tls-resumption-addon-'))
  t.teardown(() => rm(directory, { recursive: true, maxRetries: 3, force: true }))
  await cp(dist, join(directory, 'dist'), { recursive: true })
  await writeFile(join(directory, 'package.json'), '{ "name": "tls-resumption", "type": "module" }')
  for (const name of await readdir(join(directory, 'dist', 'binding'))) {
    if (name.endsWith('.node')) await change(join(directory, 'dist', 'binding', name))
  }
  return pathToFileURL(join(directory, 'dist', 'index.js')).href
}

test('addon unavailable: with --no-addons the import fails with a code', async t => {
  await checkUnavailable(t, DISABLED, ['--no-addons'])
})

test('addon unavailable: under the permission model the import fails with a code', async t => {
  const name = process.allowedNodeEnvironmentFlags.has('--permission')
    ? 'permission'
    : 'experimental-permission'
  await checkUnavailable(t, DISABLED, [`--${name}`, '--allow-fs-read=*'])
})

test('addon unavailable: without a binary the error names the missing package', async t => {
  const wanted = new RegExp(
    `^the package tls-resumption-${platformName()}, .* was not found \\(.*build it from source`,
  )
  await checkUnavailable(t, wanted, [], await copyOfDist(t, addon => rm(addon)))
})

test('addon unavailable: on an unsupported platform the error lists the platforms and how to build', async t => {
  const copy = await copyOfDist(t, addon => rm(addon))
  for (const [property, value, name] of [
    ['arch', 'riscv64', /^there is no binary for \w+-riscv64\S*, only for /],
    ['platform', 'freebsd', /^there is no binary for freebsd-\w+, only for /],
  ] as const) {
    const script = `Object.defineProperty(process, '${property}', { value: '${value}' })`
    const flags = ['--import', `data:text/javascript,${encodeURIComponent(script)}`]
    await checkUnavailable(t, name, flags, copy)
    await checkUnavailable(
      t,
      new RegExp(`only for ${PLATFORMS.join(', ')}; to build it from source, run`),
      flags,
      copy,
    )
  }
})

test('addon: the list of platforms equals the platform packages', async t => {
  const packages = await readdir(new URL('../../npm', import.meta.url))
  t.deepEqual([...PLATFORMS].sort(), packages.sort())
  t.true(PLATFORMS.includes(platformName()), 'the platform of this process is in the list')
})

test('addon unavailable: with a damaged binary the error has the message of the system', async t => {
  const damaged = await copyOfDist(t, addon => writeFile(addon, 'not a library'))
  await checkUnavailable(t, /tls-resumption\..*\.node/, [], damaged)
})

test('addon unavailable: a missing binary in TLS_RESUMPTION_ADDON is named', async t => {
  const reason = /^TLS_RESUMPTION_ADDON names \S+no-such\.node, which does not exist$/
  const env = { TLS_RESUMPTION_ADDON: join(tmpdir(), 'no-such.node') }
  await checkUnavailable(t, reason, [], 'tls-resumption', env)
})

test('addon: an unmodified copy of dist loads, so the tests above test what they say', async t => {
  const { stdout, stderr } = await runProgram([], 'load.mjs', await copyOfDist(t, async () => {}))
  t.deepEqual(JSON.parse(stdout), { loaded: true }, stderr)
})
