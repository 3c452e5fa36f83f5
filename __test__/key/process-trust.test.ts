import tls from 'node:tls'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { isOfThisProcess } from '../../dist/key/context-digest.js'
import { fileScope } from '../../dist/key/key-scope.js'
import { withDefaults } from '../../dist/key/options.js'
import { parseCommandLine, parseEnvironment } from '../../dist/key/process-start.js'
import { digestTrust, processTrust, type TrustInputs } from '../../dist/key/process-trust.js'
import { identifyContextFor, identifyPeer, isShareable } from '../../dist/key/session-key.js'
import { native } from '../../dist/native/addon.js'
import { testAuthority } from '../support/server.ts'
import { hasSharedFiles } from '../support/shared-file.ts'
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
  t.true(counts({ read: at('/a.cnf', 'two') }, { ...BASE, environment, read: at('/a.cnf', 'one') }))
  for (const execArgv of [['--openssl-config=/b.cnf'], ['--openssl-config', '/b.cnf']]) {
    const base = { ...BASE, environment, execArgv, read: at('/b.cnf', 'one') }
    t.true(counts({ read: at('/b.cnf', 'two') }, base))
  }
  t.true(counts({ read: at('/etc/ssl/openssl.cnf', 'one') }), 'a default file')
  const shared = { ...BASE, hasSharedOpenssl: true, read: at('/etc/pki/tls/openssl.cnf', 'one') }
  t.true(counts({ read: at('/etc/pki/tls/openssl.cnf', 'two') }, shared))
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

linuxTest('process trust: what a worker and its application change does not count', async t => {
  const script = fileURLToPath(new URL('../workers/process-trust.mjs', import.meta.url))
  const of = async (...options: string[]) => {
    const { stdout, stderr } = await runNode([...options, script])
    t.is(stderr, '')
    const [ofMain, ofWorker] = JSON.parse(stdout)
    t.is(ofMain, ofWorker)
    return ofMain
  }
  const plain = await of()
  t.is(await of(), plain)
  t.not(await of('--openssl-legacy-provider'), plain)
})

test('process start: arguments that process.title has overwritten are not known', t => {
  t.deepEqual(parseCommandLine('node\0--x\0app.js\0'), ['--x', 'app.js'])
  t.is(parseCommandLine('a title\0\0\0'), undefined)
  t.is(parseCommandLine('a title\0'), undefined)
  t.is(parseCommandLine(undefined), undefined)
  t.deepEqual(parseEnvironment('A=1\0B=x=y\0A=2\0'), { A: '1', B: 'x=y' })
})

test('process trust: a configuration that includes files is never the same', t => {
  const of = (read: TrustInputs['read']) =>
    digestTrust({ ...BASE, environment: { OPENSSL_CONF: '/a.cnf' }, read })
  const including = of(() => '.include other.cnf\n')
  t.is(
    including,
    of(() => '  .include another.cnf\n'),
    'within the process it is the same',
  )
  t.is(
    of(() => '# .include other.cnf'),
    of(() => '# .include other.cnf'),
  )
  t.not(
    of(() => '# .include other.cnf'),
    including,
  )
})

test('process trust: it is the same each time that a process asks', t => {
  t.is(processTrust(), processTrust())
  t.regex(processTrust(), /^[\w-]{43}$/)
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
