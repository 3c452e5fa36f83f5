/** `node --import tls-resumption/auto`, in processes of its own. */
import { cp, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import test, { type ExecutionContext } from 'ava'
import { startServer } from '../support/server.ts'
import { hasSharedFiles, pathOnTmpfs } from '../support/shared-file.ts'
import { runNode, runProgramIn } from '../workers/spawn.ts'

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
  test(`a worker without the flag, or with TLS_RESUMPTION=off, does not resume (${how})`, async t => {
    t.deepEqual((await run(t, { how })).met, [FULL, RESUMED, FULL, FULL])
  })
}

for (const value of ['off', ' OFF ', '0', 'false', 'No', 'disabled']) {
  test(`TLS_RESUMPTION='${value}' disables the package, and loads no addon`, async t => {
    const { met, stderr } = await run(t, { flags: ['--no-addons', ...AUTO], env: { TLS_RESUMPTION: value } })
    t.deepEqual(met, [FULL, FULL])
    t.is(stderr, '')
  })
}

for (const value of ['', 'on', '1', 'TRUE', 'yes', 'enabled']) {
  test(`TLS_RESUMPTION='${value}' enables the package`, async t => {
    const { met, stderr } = await run(t, { env: { TLS_RESUMPTION: value } })
    t.deepEqual(met, [FULL, RESUMED])
    t.is(stderr, '')
  })
}

for (const [values, second] of [
  [{ TLS_RESUMPTION: 'off', exec_mode: 'cluster_mode', args: [] }, FULL],
  [{ TLS_RESUMPTION: 0 }, FULL],
  [{ instances: 2 }, RESUMED],
  [null, RESUMED],
] as const) {
  test(`auto: variables that pm2 passes as JSON count: ${JSON.stringify(values)}`, async t => {
    const { met, stderr } = await run(t, { env: { pm2_env: JSON.stringify(values) } })
    t.deepEqual(met, [FULL, second])
    t.is(stderr, '')
  })
}

/** How often each warning of the package is in a text. */
function countWarnings(stderr: string): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const [, message = ''] of stderr.matchAll(/TlsResumptionWarning: (.*)/g)) {
    counts[message] = (counts[message] ?? 0) + 1
  }
  return counts
}

const VARIABLES = `The variables are TLS_RESUMPTION, ${[
  'ADDON',
  'COALESCE',
  'EXCLUDE',
  'INCLUDE',
  'MAX',
  'MAX_AGE',
  'MAX_LOCKED',
  'MAX_SIZE',
  'PATH',
  'SAMPLE_RATE',
  'SINGLE_USE',
  'TTL',
]
  .map(name => `TLS_RESUMPTION_${name}`)
  .join(', ')}.`

for (const [name, value, warning] of [
  ['TLS_RESUMPTION', 'offf', "must be 'on' or 'off', not 'offf', so connections resume. Did you mean 'off'?"],
  [
    'TLS_RESUMPTION',
    'fasle',
    "must be 'on' or 'off', not 'fasle', so connections resume. Did you mean 'false'?",
  ],
  [
    'TLS_RESUMPTION',
    'production',
    "must be 'on' or 'off', not 'production', so connections resume. Set it to 'off' to disable tls-resumption.",
  ],
  ['TLS_RESUMPTION_EXCLUDES', 'localhost', 'Did you mean TLS_RESUMPTION_EXCLUDE?'],
  ['TLS_RESUMPTION_EXCLUED', 'localhost', 'Did you mean TLS_RESUMPTION_EXCLUDE?'],
  ['TLS_RESUMPTION_MAXSIZE', '5', 'Did you mean TLS_RESUMPTION_MAX_SIZE?'],
  ['tls_resumption_exclude', 'localhost', 'Did you mean TLS_RESUMPTION_EXCLUDE?'],
  ['TLS_RESUMTION_EXCLUDE', 'localhost', 'Did you mean TLS_RESUMPTION_EXCLUDE?'],
  ['TLS_RESUMPTION_SHARE', '0.5', VARIABLES],
] as const) {
  test(`${name}=${value} causes one warning with the right name, in however many threads`, async t => {
    const { met, stderr } = await run(t, { env: { [name]: value }, how: 'plain' })
    t.deepEqual(met, [FULL, RESUMED, RESUMED, RESUMED])
    const problem = name === 'TLS_RESUMPTION' ? '' : 'is ignored, since there is no such variable. '
    t.deepEqual(countWarnings(stderr), { [`tls-resumption/auto: ${name} ${problem}${warning}`]: 1 })
  })
}

const linuxTest = hasSharedFiles ? test : test.skip

linuxTest('with TLS_RESUMPTION_PATH a process resumes what another one met, and says nothing', async t => {
  const { port, ca } = await startServer(t)
  const visit = async (path: string) => {
    const data = JSON.stringify({ port, ca, how: 'none' })
    const { stdout, stderr } = await runProgramIn({ TLS_RESUMPTION_PATH: path }, AUTO, 'auto-app.mjs', data)
    return { met: JSON.parse(stdout) as string[], stderr }
  }
  const path = pathOnTmpfs(t)
  t.deepEqual(await visit(path), { met: [FULL, RESUMED], stderr: '' })
  t.deepEqual(await visit(path), { met: [RESUMED, RESUMED], stderr: '' })
  t.deepEqual((await visit(pathOnTmpfs(t))).met, [FULL, RESUMED], 'another file')
})

linuxTest(
  'with a TLS_RESUMPTION_PATH that cannot be used there is one warning, and threads share sessions',
  async t => {
    const env = { TLS_RESUMPTION_PATH: join(tmpdir(), 'tls-resumption-on-disk') }
    const { met, stderr } = await run(t, { env, how: 'plain' })
    t.deepEqual(met, [FULL, RESUMED, RESUMED, RESUMED])
    t.is(stderr.match(/TLS_RESUMPTION_ENVIRONMENT/g)?.length, 1)
    t.regex(stderr, /tmpfs/)
  },
)

test('variables of other features, and of tests, cause no warning', async t => {
  const env = {
    TLS_RESUMPTION_MAX_AGE: '1000',
    TLS_RESUMPTION_TEST_ANYTHING: '1',
    TLS_OTHER: '1',
  }
  t.is((await run(t, { env })).stderr, '')
})

/** Makes the process look like another runtime before the package is loaded. */
const imitate = (change: string) => [
  '--import',
  `data:text/javascript,${encodeURIComponent(`Object.defineProperties(process, ${change})`)}`,
  ...AUTO,
]
for (const [runtime, change] of [
  ['Bun 1.4.5', "{ versions: { value: { ...process.versions, bun: '1.4.5' } } }"],
  ['Deno 2.9.6', "{ versions: { value: { ...process.versions, deno: '2.9.6' } } }"],
  ['a Node.js without OpenSSL 3', "{ versions: { value: { ...process.versions, openssl: '0.0.0' } } }"],
  ['a Node.js without OpenSSL 3', "{ versions: { value: { ...process.versions, openssl: '1.1.1' } } }"],
] as const) {
  test(`in ${runtime} (${change}) one warning says so, and TLS is as it was`, async t => {
    const { met, stderr } = await run(t, { flags: imitate(change), how: 'in one thread' })
    t.deepEqual(met, [FULL, FULL])
    const [[warning, count] = [], ...others] = Object.entries(countWarnings(stderr))
    t.true(warning?.startsWith(`TLS connections do not resume: This is ${runtime}`), stderr)
    t.deepEqual([count, others], [1, []])
  })
}

for (const [env, resumes] of [
  [{ TLS_RESUMPTION_EXCLUDE: 'other.example, localhost' }, false],
  [{ TLS_RESUMPTION_EXCLUDE: 'other.example' }, true],
  [{ TLS_RESUMPTION_INCLUDE: 'other.example' }, false],
  [{ TLS_RESUMPTION_INCLUDE: '127.0.0.1' }, true],
  [{ TLS_RESUMPTION_SAMPLE_RATE: '0' }, false],
  [{ TLS_RESUMPTION_TTL: '1' }, false],
  [{ TLS_RESUMPTION_MAX_LOCKED: '50%' }, true],
  [
    {
      TLS_RESUMPTION_MAX: '10',
      TLS_RESUMPTION_MAX_SIZE: '100000',
      TLS_RESUMPTION_TTL: '60000',
      TLS_RESUMPTION_MAX_AGE: '60000',
      TLS_RESUMPTION_MAX_LOCKED: '0',
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
  ['TLS_RESUMPTION_MAX_LOCKED', '101%', 'a whole number of bytes, or a percentage from 0% to 100%'],
  ['TLS_RESUMPTION_MAX_SIZE', '0', 'a whole number of bytes, 1 or more'],
  ['TLS_RESUMPTION_TTL', '1h', 'a whole number of milliseconds, 1 or more'],
  ['TLS_RESUMPTION_SINGLE_USE', 'maybe', 'true or false'],
  ['TLS_RESUMPTION_SAMPLE_RATE', '150%', 'a number from 0 to 1'],
  ['TLS_RESUMPTION_MAX_AGE', '1d', 'a whole number of milliseconds, from 1 to 604800000 (seven days)'],
] as const) {
  test(`${name}=${value} causes a warning, and the default applies`, async t => {
    const { met, stderr } = await run(t, { env: { [name]: value } })
    t.deepEqual(met, [FULL, RESUMED])
    t.true(stderr.includes(`tls-resumption/auto: ${name} must be ${expected}, not '${value}'`), stderr)
  })
}

test('an invalid list of peers causes a warning, and nothing resumes', async t => {
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

test('a function of Node.js that a program replaces and puts back before its first connection counts as Node.js own', async t => {
  const { port, ca } = await startServer(t)
  const program = `
    import { once } from 'node:events'
    import tls from 'node:tls'
    const original = tls.createSecureContext
    let calls = 0
    const replaced = (...args) => { calls++; return original(...args) }
    tls.createSecureContext = replaced
    const visit = async () => {
      const socket = tls.connect({ port: ${port}, host: '127.0.0.1', servername: 'localhost', ca: ${JSON.stringify(ca)} })
      await once(socket, 'secureConnect')
      const resumed = socket.isSessionReused()
      await once(socket.resume(), 'close')
      return resumed
    }
    const met = [await visit()]
    tls.createSecureContext = original
    met.push(await visit(), await visit())
    console.log(JSON.stringify({ met, calls }))
  `
  const run = async (flags: string[]) => {
    const { stdout, stderr } = await runNode([...flags, '--input-type=module', '--eval', program])
    t.not(stdout, '', stderr)
    return JSON.parse(stdout)
  }
  const plain = await run([])
  t.deepEqual(plain.met, [false, false, false])
  t.deepEqual(await run(AUTO), { met: [false, false, true], calls: plain.calls })
})
