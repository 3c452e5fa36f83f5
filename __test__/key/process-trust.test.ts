import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import tls from 'node:tls'
import { fileURLToPath } from 'node:url'
import test, { type ExecutionContext } from 'ava'
import { isOfThisProcess } from '../../dist/key/context-digest.js'
import { fileScope } from '../../dist/key/key-scope.js'
import { withDefaults } from '../../dist/key/options.js'
import { parseCommandLine, parseEnvironment } from '../../dist/key/process-start.js'
import { digestTrust, processTrust, type TrustInputs } from '../../dist/key/process-trust.js'
import { identifyContextFor, identifyPeer, isShareable } from '../../dist/key/session-key.js'
import { native } from '../../dist/native/addon.js'
import { testAuthority } from '../support/server.ts'
import { hasSharedFiles, pathOnTmpfs } from '../support/shared-file.ts'
import { runNode } from '../workers/spawn.ts'

const linuxTest = hasSharedFiles ? test : test.skip

const BASE: TrustInputs = {
  versions: { node: '24.0.0', openssl: '3.5.0' },
  execArgv: [],
  environment: {},
  commandLine: undefined,
  startEnvironment: undefined,
  isMainThread: true,
  hasSharedOpenssl: false,
  read: () => undefined,
  isFips: false,
}

/** True if the change of the inputs makes another digest. */
function counts(change: Partial<TrustInputs>, base: TrustInputs = BASE): boolean {
  return digestTrust({ ...base, ...change }) !== digestTrust(base)
}

test('process trust: another derivation of keys is another one', t => {
  t.true(counts({ derivation: 'version 2' }))
  t.false(counts({}))
})

test('process trust: another version of Node.js is another one', t => {
  t.true(counts({ versions: { node: '24.0.1', openssl: '3.5.0' } }))
})

test('process trust: another version of OpenSSL is another one', t => {
  t.true(counts({ versions: { node: '24.0.0', openssl: '3.5.1' } }))
})

test('process trust: FIPS is another one', t => {
  t.true(counts({ isFips: true }))
})

test('process trust: an option that configures OpenSSL is another one', t => {
  t.true(counts({ execArgv: ['--openssl-legacy-provider'] }))
  t.true(counts({ environment: { NODE_OPTIONS: '--max-old-space-size=100 --use-openssl-ca' } }))
  t.false(counts({ execArgv: ['--max-old-space-size=100'], environment: { NODE_ENV: 'test' } }))
})

test('process trust: another content of the OpenSSL configuration is another one', t => {
  const at = (file: string, content: string) => (name: string) => (name === file ? content : undefined)
  const environment = { OPENSSL_CONF: '/a.cnf' }
  t.true(
    counts({ read: at('/a.cnf', 'name = two') }, { ...BASE, environment, read: at('/a.cnf', 'name = one') }),
  )
  for (const execArgv of [['--openssl-config=/b.cnf'], ['--openssl-config', '/b.cnf']]) {
    const base = { ...BASE, environment, execArgv, read: at('/b.cnf', 'name = one') }
    t.true(counts({ read: at('/b.cnf', 'name = two') }, base))
  }
  t.true(counts({ read: at('/etc/ssl/openssl.cnf', 'name = one') }), 'a default file')
  const shared = { ...BASE, hasSharedOpenssl: true, read: at('/etc/pki/tls/openssl.cnf', 'name = one') }
  t.true(counts({ read: at('/etc/pki/tls/openssl.cnf', 'name = two') }, shared))
})

test('process trust: a name of an option may have underscores', t => {
  const of = (argument: string) => digestTrust({ ...BASE, execArgv: [argument], read: name => name })
  t.is(of('--openssl_config=/a_b.cnf'), of('--openssl-config=/a_b.cnf'))
  t.not(of('--openssl_config=/a_b.cnf'), of('--openssl-config=/a-b.cnf'))
  t.true(counts({ execArgv: ['--use_openssl_ca'] }))
})

test('process trust: options that cannot be read are never the same', t => {
  const token = (change: Partial<TrustInputs>, base: TrustInputs = BASE) => {
    const { processToken } = native
    native.processToken = () => 'another process'
    const elsewhere = digestTrust({ ...base, ...change })
    native.processToken = processToken
    return elsewhere !== digestTrust({ ...base, ...change })
  }
  t.false(token({ environment: { NODE_OPTIONS: '--use-openssl-ca' } }))
  t.true(token({ environment: { NODE_OPTIONS: '"--use-openssl-ca"' } }))
  t.true(token({ startEnvironment: { NODE_OPTIONS: '--use-openssl\\-ca' } }))
  t.true(token({ execArgv: ['--experimental-default-config-file'] }))
  const worker = { ...BASE, isMainThread: false, startEnvironment: {}, commandLine: ['app.js'] }
  t.false(token({}, worker))
  t.true(token({ commandLine: undefined }, worker), 'process.title has overwritten them')
  t.true(token({ commandLine: ['--env-file=.env', 'app.js'] }, worker))
})

test('process trust: a shared OpenSSL whose configuration is not found is never the same', t => {
  const { processToken } = native
  const of = (read: TrustInputs['read'], token: string) => {
    native.processToken = () => token
    const digest = digestTrust({ ...BASE, hasSharedOpenssl: true, read })
    native.processToken = processToken
    return digest
  }
  t.not(
    of(() => undefined, 'one'),
    of(() => undefined, 'two'),
  )
  t.is(
    of(() => '', 'one'),
    of(() => '', 'two'),
  )
})

test('process trust: a configuration that reads variables is never the same', t => {
  t.is(
    digestTrust({ ...BASE, read: () => 'engines = $ENV::DIR/one' }),
    digestTrust({ ...BASE, read: () => 'engines = $ENV::DIR/two' }),
    'the token of the process takes its place',
  )
  t.is(
    digestTrust({ ...BASE, read: () => '[ENV]\nname = $DIR/one' }),
    digestTrust({ ...BASE, read: () => '[ENV]\nname = $DIR/two' }),
    'in the section of that name',
  )
  t.not(
    digestTrust({ ...BASE, read: () => ' # $ENV::DIR/one' }),
    digestTrust({ ...BASE, read: () => ' # $ENV::DIR/two' }),
    'a comment is no variable',
  )
  t.not(
    digestTrust({ ...BASE, read: () => 'engines = one' }),
    digestTrust({ ...BASE, read: () => 'engines = two' }),
  )
})

const script = fileURLToPath(new URL('../workers/process-trust.mjs', import.meta.url))

/** Returns the process trust of a new process and of a worker in it, which must be the same. */
async function trustOf(
  t: ExecutionContext,
  options: readonly string[],
  env: Record<string, string> = {},
  ...args: string[]
): Promise<string> {
  const { stdout, stderr } = await runNode([...options, script, ...args], env)
  t.is(stderr, '')
  const [ofMain, ofWorker] = JSON.parse(stdout)
  t.is(ofMain, ofWorker)
  return ofMain
}

linuxTest('process trust: what a worker and its application change does not count', async t => {
  const plain = await trustOf(t, [])
  t.is(await trustOf(t, []), plain)
  t.not(await trustOf(t, ['--openssl-legacy-provider']), plain)
})

linuxTest('process trust: folders of code for OpenSSL are never the same', async t => {
  for (const name of ['OPENSSL_ENGINES', 'OPENSSL_MODULES']) {
    const env = { [name]: '/usr/lib' }
    t.not(await trustOf(t, [], env), await trustOf(t, [], env), name)
    t.is(await trustOf(t, [], { [name]: '' }), await trustOf(t, []), `an empty ${name}`)
  }
})

linuxTest('process trust: another library that the system loads first is another one', async t => {
  const of = (folder: string) => trustOf(t, [], { LD_LIBRARY_PATH: folder })
  t.is(await of('/one'), await of('/one'))
  t.not(await of('/one'), await of('/two'))
  const startEnvironment = { LD_PRELOAD: '/one.so' }
  t.true(counts({ startEnvironment: { LD_PRELOAD: '/two.so' } }, { ...BASE, startEnvironment }))
})

/** A configuration that is younger than this when a process starts may have been changed after its start. */
const untilOld = () => new Promise(resolve => setTimeout(resolve, 1100))

linuxTest('process trust: a configuration that was changed after the start is never the same', async t => {
  const conf = `${pathOnTmpfs(t)}.cnf`
  const env = { OPENSSL_CONF: conf }
  writeFileSync(conf, '# one')
  t.not(await trustOf(t, [], env), await trustOf(t, [], env), 'too young')
  await untilOld()
  const one = await trustOf(t, [], env)
  t.is(await trustOf(t, [], env), one)
  // The process was configured by the first content, and finds the second one.
  const changed = await trustOf(t, [], env, '# two')
  await untilOld()
  t.not(changed, await trustOf(t, [], env), 'not that of a process which started with the second')
  t.not(changed, one)
})

linuxTest(
  'process trust: a configuration behind a link that was changed after the start is never the same',
  async t => {
    const path = pathOnTmpfs(t)
    for (const name of ['one', 'two']) {
      mkdirSync(`${path}-${name}`)
      writeFileSync(`${path}-${name}/a.cnf`, `# ${name}`)
    }
    const [inner, outer] = [`${path}-inner`, `${path}-outer`]
    symlinkSync('cache-one', inner)
    symlinkSync('cache-inner', outer)
    const env = { OPENSSL_CONF: `${outer}/a.cnf` }
    await untilOld()
    const one = await trustOf(t, [], env)
    t.is(await trustOf(t, [], env), one)
    const changed = await trustOf(t, [], env, inner, 'cache-two')
    await untilOld()
    const two = await trustOf(t, [], env)
    t.is(await trustOf(t, [], env), two)
    t.not(changed, two, 'not that of a process which started with the second')
    t.not(changed, one)
  },
)

test('process start: arguments that process.title has overwritten are not known', t => {
  t.deepEqual(parseCommandLine('node\0--x\0app.js\0'), ['--x', 'app.js'])
  t.is(parseCommandLine('a title\0\0\0'), undefined)
  t.is(parseCommandLine('a title\0'), undefined)
  t.is(parseCommandLine(undefined), undefined)
  t.deepEqual(parseEnvironment('A=1\0B=x=y\0A=2\0'), { A: '1', B: 'x=y' })
})

test('process trust: a configuration that includes files is never the same', t => {
  const of = (content: string) =>
    digestTrust({ ...BASE, environment: { OPENSSL_CONF: '/a.cnf' }, read: () => content })
  const including = of('.include other.cnf')
  // The token of the process takes the place of the content.
  t.is(of('  .include = another.cnf'), including)
  t.is(of('\uFEFF.include other.cnf'), including, 'behind a byte order mark')
  t.is(of('.incl\\\nude other.cnf'), including, 'in two lines')
  t.is(of('.includeother = 1'), including, 'without a space')
  t.not(of('# .include other.cnf'), including, 'a comment')
  t.not(of('# .include other.cnf'), of('# .include another.cnf'))
})

const LOADING = [
  'nodejs_conf = init\n[init]\nengines = mine',
  'openssl_conf = init\n[ init ]\nengines.one = mine',
  'openssl_conf = init\n[init]\na_module_of_its_own = mine',
  'openssl_conf = $name',
  'init::engines = mine\nopenssl_conf = init',
  'openssl_conf = init\n[init]\nproviders = all\n[all]\noqsprovider = its\n[its]\nactivate = 1',
  'openssl_conf = init\n[init]\nproviders = all\n[all]\ndefault = its\n[its]\nmodule = /tmp/default.so',
  'openssl_conf = init\n[init]\nproviders = all\n[all]\ndefault = its\n[its]\nidentity = other',
  'openssl_conf = init\n[init]\nproviders = all\n[all]\ndefault.custom = its\n[its]\nactivate = 1',
  'openssl_conf = init\n[init]\nproviders.a.b = all\n[all]\ndefault = its\n[its]\nactivate = 1',
  'openssl_conf = my section\n[ my section ]\nengines = mine',
  'openssl_conf = init\n[init]\n./module = mine',
  'openssl_conf = init\n[init]\nfolder/module = mine',
  'openssl_conf = init\n[init]\n# two backslashes \\\\\nengines = mine',
]
for (const content of LOADING) {
  test(`process trust: a configuration that loads code is never the same: ${content.replaceAll('\n', '; ')}`, t => {
    const of = (read: string) => digestTrust({ ...BASE, read: () => read })
    t.is(of(content), of(`${content}\n# another comment`))
  })
}

const UNREADABLE = [
  'a name of words = 1',
  'no sign',
  '[no bracket',
  'a\\ b = 1',
  'a = 1\r',
  'a = \uFFFD',
  '= 1',
]
for (const content of UNREADABLE) {
  test(`process trust: a configuration with a line that cannot be read is never the same: ${JSON.stringify(content)}`, t => {
    const of = (read: string) => digestTrust({ ...BASE, read: () => read })
    t.is(of(content), of(`${content}\n# another comment`))
  })
}

test('process trust: a configuration that loads nothing is the same in each process', t => {
  const own = `oid_section = oids
    openssl_conf = init
    [init]
    providers = all
    providers.more = all
    ssl_conf = ssl # not engines
    # one line \\
    engines = mine
    [all]
    default = its
    2.legacy = its
    [its]
    activate = 1
    [ssl]
    system_default = defaults
    [ insta ] # of a test
    0.organizationName = Internet Widgits Pty Ltd
    subject = "/C=FI/CN=#1" # quoted
    key = $oids::key
    secret =
    [ a section ]
    path = pkix/
    module = of nothing that is loaded`
  const of = (read: string) => digestTrust({ ...BASE, read: () => read })
  t.not(of(own), of(`${own}\n# another comment`))
})

test('session key: it holds the file and what the process takes for granted', async t => {
  const { cert: ca } = await testAuthority()
  const options = withDefaults({ host: 'a.example', port: 443, ca })
  const of = (trust: string | undefined) =>
    identifyPeer(options, undefined, identifyContextFor(options), { handle: () => 0, trust: () => trust })
      ?.key
  t.not(of('one'), of('two'))
  t.not(of('one'), of(undefined))
  t.is(of('one'), of('one'))
  t.is(fileScope(() => 0).trust(), `${processTrust()} `, 'no file has an empty name')
})

test('shareable: a checkServerIdentity is not, unless it is the default one or never objects', async t => {
  const { cert: ca } = await testAuthority()
  const of = (options: tls.ConnectionOptions) => {
    const all = withDefaults({ host: 'a.example', ca, ...options })
    return isShareable(all, identifyContextFor(all) as string)
  }
  t.true(of({}))
  t.true(of({ checkServerIdentity: tls.checkServerIdentity }))
  t.true(of({ checkServerIdentity: () => undefined }))
  t.false(of({ checkServerIdentity: (...args) => tls.checkServerIdentity(...args) }))
})

test('shareable: a SecureContext whose origin is not known is not', async t => {
  const { cert: ca } = await testAuthority()
  const options = withDefaults({ host: 'a.example', secureContext: tls.createSecureContext({ ca }) })
  t.false(isShareable(options, identifyContextFor(options) as string))
})

test('shareable: default CAs whose content is not known are not', t => {
  const options = withDefaults({ host: 'a.example' })
  const context = identifyContextFor(options) as string
  const isKnown = 'getCACertificates' in tls
  t.is(isOfThisProcess(context), !isKnown)
  t.is(isShareable(options, context), isKnown)
  t.false(isShareable(options, `process/${context}`))
})
