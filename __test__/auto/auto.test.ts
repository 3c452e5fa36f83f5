/** `node --import tls-resumption/auto`, in processes of its own. */
import { cp, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import test, { type ExecutionContext } from 'ava'
import { startServer } from '../support/server.ts'
import { runProgramIn } from '../workers/spawn.ts'

const AUTO = ['--import', 'tls-resumption/auto']
const [FULL, RESUMED] = ['full', 'resumed']

interface App {
  flags?: string[]
  env?: Record<string, string>
  how?: string
}

/** Runs an application; how it met the server, and what it said on stderr. */
async function run(t: ExecutionContext, { flags = AUTO, env = {}, how = 'none' }: App = {}) {
  const { port, ca, handshakes } = await startServer(t)
  const data = JSON.stringify({ port, ca, how })
  const { code, stdout, stderr } = await runProgramIn(env, flags, 'auto-app.mjs', data)
  t.is(code, 0, stderr)
  return { met: JSON.parse(stdout) as string[], stderr, handshakes }
}

test('an application resumes by one flag, and says nothing of it', async t => {
  const { met, stderr, handshakes } = await run(t)
  t.deepEqual(met, [FULL, RESUMED])
  t.is(stderr, '')
  t.deepEqual(handshakes, { full: 1, resumed: 1 })
})

test('without the flag it does not', async t => {
  t.deepEqual((await run(t, { flags: [] })).met, [FULL, FULL])
})

test('loaded twice, it is installed once', async t => {
  t.deepEqual((await run(t, { flags: [...AUTO, ...AUTO, '--import', 'tls-resumption'] })).met, [
    FULL,
    RESUMED,
  ])
})

for (const how of ['plain', 'own execArgv with the import', 'own env', 'piscina', 'tinypool']) {
  test(`a worker resumes what the main thread met (${how})`, async t => {
    t.deepEqual((await run(t, { how })).met, [FULL, RESUMED, RESUMED, RESUMED])
  })
}

for (const how of ['own execArgv', 'own env that says off', 'eval']) {
  test(`a worker that did not get the flag, or was told not to, does not resume (${how})`, async t => {
    t.deepEqual((await run(t, { how })).met, [FULL, RESUMED, FULL, FULL])
  })
}

test('TLS_RESUMPTION=off loads nothing, not even the addon', async t => {
  const { met, stderr } = await run(t, { flags: ['--no-addons', ...AUTO], env: { TLS_RESUMPTION: 'off' } })
  t.deepEqual(met, [FULL, FULL])
  t.is(stderr, '')
})

for (const [env, resumes] of [
  [{ TLS_RESUMPTION_EXCLUDE: 'other.example, localhost' }, false],
  [{ TLS_RESUMPTION_EXCLUDE: 'other.example' }, true],
  [{ TLS_RESUMPTION_INCLUDE: 'other.example' }, false],
  [{ TLS_RESUMPTION_INCLUDE: '127.0.0.1' }, true],
  [{ TLS_RESUMPTION_SAMPLE_RATE: '0' }, false],
  [{ TLS_RESUMPTION_TTL: '1' }, false],
  [
    {
      TLS_RESUMPTION_MAX: '10',
      TLS_RESUMPTION_MAX_SIZE: '100000',
      TLS_RESUMPTION_TTL: '60000',
      TLS_RESUMPTION_SINGLE_USE: 'true',
      TLS_RESUMPTION_SAMPLE_RATE: '1',
      TLS_RESUMPTION_INCLUDE: '',
    },
    true,
  ],
] as [Record<string, string>, boolean][]) {
  test(`with ${JSON.stringify(env)} it ${resumes ? 'resumes' : 'does not resume'}`, async t => {
    const { met, stderr } = await run(t, { env })
    t.deepEqual(met, [FULL, resumes ? RESUMED : FULL])
    t.is(stderr, '')
  })
}

for (const [name, value, expected] of [
  ['TLS_RESUMPTION_MAX', '1e3', 'a whole number of sessions, 1 or more'],
  ['TLS_RESUMPTION_MAX_SIZE', '0', 'a whole number of bytes, 1 or more'],
  ['TLS_RESUMPTION_TTL', '1h', 'a whole number of milliseconds, 1 or more'],
  ['TLS_RESUMPTION_SINGLE_USE', 'maybe', 'true or false'],
  ['TLS_RESUMPTION_SAMPLE_RATE', '150%', 'a number from 0 to 1'],
] as const) {
  test(`${name}=${value} is told, and the default takes its place`, async t => {
    const { met, stderr } = await run(t, { env: { [name]: value } })
    t.deepEqual(met, [FULL, RESUMED])
    t.true(stderr.includes(`tls-resumption/auto: ${name} must be ${expected}, not '${value}'`), stderr)
  })
}

test('a list that cannot be read is told, and all peers are left alone', async t => {
  const { met, stderr } = await run(t, { env: { TLS_RESUMPTION_EXCLUDE: 'https://other.example' } })
  t.deepEqual(met, [FULL, FULL])
  t.regex(stderr, /tls-resumption\/auto: nothing resumes: The "exclude" option must be/)
})

/** Runs the application where the addon cannot be loaded: it must go on as if there were no flag, and say so once. */
async function goesOn(t: ExecutionContext, flags: string[]): Promise<void> {
  const { met, stderr } = await run(t, { flags, how: 'plain' })
  t.deepEqual(met, [FULL, FULL, FULL, FULL])
  t.is(stderr.split('TLS connections do not resume: The native addon').length, 2, stderr)
}

test('where addons may not be loaded, an application goes on without', async t => {
  await goesOn(t, ['--no-addons', ...AUTO])
})

test('under the permission model, an application goes on without', async t => {
  const isNew = process.allowedNodeEnvironmentFlags.has('--permission')
  const permission = isNew ? ['--permission'] : ['--experimental-permission']
  const more = process.allowedNodeEnvironmentFlags.has('--allow-net') ? ['--allow-net'] : []
  await goesOn(t, [...permission, '--allow-fs-read=*', '--allow-worker', ...more, ...AUTO])
})

for (const [what, change] of [
  ['without a binary', (addon: string) => rm(addon)],
  ['with a damaged binary', (addon: string) => writeFile(addon, 'not a library')],
] as const) {
  test(`${what}, an application goes on without`, async t => {
    const directory = await mkdtemp(join(tmpdir(), 'tls-resumption-auto-'))
    t.teardown(() => rm(directory, { recursive: true, maxRetries: 3, force: true }))
    await cp(fileURLToPath(new URL('../../dist', import.meta.url)), directory, { recursive: true })
    await writeFile(join(directory, 'package.json'), '{ "type": "module" }')
    for (const name of await readdir(join(directory, 'binding'))) {
      if (name.endsWith('.node')) await change(join(directory, 'binding', name))
    }
    await goesOn(t, ['--import', pathToFileURL(join(directory, 'auto.js')).href])
  })
}

test('it can be required as well', async t => {
  t.deepEqual((await run(t, { flags: ['--require', 'tls-resumption/auto'] })).met, [FULL, RESUMED])
})
