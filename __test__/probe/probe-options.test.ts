/** The command line of `tls-resumption probe`: output and exit codes before any connection. */
import { createRequire } from 'node:module'
import { join } from 'node:path'
import test from 'ava'
import { parseOptions, UsageError } from '../../dist/probe/args.js'
import { parsePeer } from '../../dist/probe/target.js'
import { fileWith, tlsResumption } from '../support/cli.ts'
import { testAuthority } from '../support/server.ts'
import { runNode } from '../workers/spawn.ts'

const { version } = createRequire(import.meta.url)('../../package.json')

const SCHEMES =
  'https, wss, postgres, postgresql, mysql, mariadb, rediss, amqps, mqtts, mongodb, nats, smtp, smtps, imap, imaps, ' +
  'pop3, pop3s, ftp, ftps, ldap, ldaps'

const WRONG: Record<string, [args: string[], sentence: string]> = {
  'no peer': [[], 'A peer is missing: tls-resumption probe HOST[:PORT]'],
  'an unknown option': [['a', '--wrong'], "Unknown option '--wrong'"],
  'an option with a letter missing': [['a', '--jsn'], "Unknown option '--jsn': did you mean '--json'?"],
  'an option without its value': [['a', '--timeout'], "Option '--timeout <value>' argument missing"],
  'a URL of another kind, without showing its password': [
    ['gopher://user:password@host/'],
    `A URL begins with one of ${SCHEMES}, not with 'gopher'`,
  ],
  'a URL with an invalid host, without showing its password': [
    ['https://user:password@a b/'],
    "A peer is HOST or HOST:PORT, not 'a b:443'",
  ],
  'an invalid peer': [['a b'], "A peer is HOST or HOST:PORT, not 'a b'"],
  'an invalid port': [['a:65536'], 'A port is from 1 to 65535, not 65536'],
  'brackets without an address': [['[a]:1'], "There is no IPv6 address in the brackets of '[a]:1'"],
  'an unknown protocol': [
    ['a', '--starttls', 'irc'],
    "--starttls takes postgres, mysql, smtp, lmtp, imap, pop3, sieve, ftp, nntp, xmpp, ldap or none, not 'irc'",
  ],
  'an unknown version': [['a', '--tls', '1.1'], "--tls takes 1.2 or 1.3, not '1.1'"],
  'an invalid address': [['a', '--address', 'b'], "--address takes IP addresses, not 'b'"],
  'addresses for two peers': [['a', 'b', '--address', '127.0.0.1'], '--address works with one peer only'],
  'too many protocols': [
    ['a', '--alpn', 'a,b,c'],
    '--alpn takes one or two protocols, separated by a comma, as in http/1.1,h2',
  ],
  'a server name that is an address': [
    ['a', '--servername', '127.0.0.1'],
    "--servername takes the name of a host, not '127.0.0.1'",
  ],
  'a timeout out of range': [['a', '--timeout', '0'], "--timeout takes seconds from 0.1 to 120, not '0'"],
  'a fractional number of tries': [
    ['a', '--tries', '1.5'],
    "--tries takes an integer from 0 to 100, not '1.5'",
  ],
  'a negative number of tries': [['a', '--tries', '-1'], "--tries takes an integer from 0 to 100, not '-1'"],
  'too many peers at once': [
    ['a', '--concurrency', '51'],
    "--concurrency takes an integer from 1 to 50, not '51'",
  ],
  'a certificate without its key': [
    ['a', '--cert', 'x'],
    '--cert and --key need each other: a client certificate works only with its key',
  ],
  'a missing file': [
    ['a', '--ca', join('no', 'file')],
    `--ca: '${join('no', 'file')}' cannot be read (ENOENT)`,
  ],
}

for (const [what, [args, sentence]] of Object.entries(WRONG)) {
  test(`probe options: ${what} is reported in a sentence`, t => {
    t.throws(() => parseOptions(args), { instanceOf: UsageError, message: sentence })
  })
}

for (const [what, args, sentence] of [
  ['no command', [], 'A command is missing. The commands are: probe, cache.'],
  ['a command with a letter missing', ['prob'], "Unknown command 'prob': did you mean 'probe'?"],
  ['an unknown command', ['scan'], "Unknown command 'scan'. The commands are: probe, cache."],
  ['a wrong option', ['probe', 'a', '--jsn'], "Unknown option '--jsn': did you mean '--json'?"],
] as const) {
  test(`command: ${what} ends with a sentence, a hint and exit code 2`, async t => {
    const { code, stdout, stderr } = await tlsResumption(...args)
    t.is(stderr, `tls-resumption: ${sentence}\nSee: tls-resumption --help\n`)
    t.is(stdout, '')
    t.is(code, 2)
  })
}

test('probe options: files without a certificate or with another key are rejected before any connection', async t => {
  const { key, issue } = await testAuthority()
  const client = await issue({ usage: 'client', commonName: 'client' })
  const file = await fileWith(t, key)
  const none = await tlsResumption('probe', 'a', '--ca', file)
  t.true(none.stderr.startsWith(`tls-resumption: --ca: '${file}' contains no PEM certificate.`))
  t.is(none.code, 2)
  const cert = await fileWith(t, client.cert)
  const other = await tlsResumption('probe', 'a', '--cert', cert, '--key', file)
  t.regex(other.stderr, /^tls-resumption: OpenSSL rejects --cert, --key: key values mismatch \(ERR_\w+\)\.\n/)
  t.is(other.code, 2)
})

test('command: --help and --version print to stdout with exit code 0', async t => {
  for (const args of [['--help'], ['probe', '--help'], ['probe', '-h']]) {
    const { code, stdout, stderr } = await tlsResumption(...args)
    t.is(code, 0)
    t.is(stderr, '')
    for (const option of ['--starttls', '--ca', '--cert', '--insecure', '--json', '--tries', 'Exit codes:']) {
      t.true(stdout.includes(option), option)
    }
    t.true(stdout.split('\n').every(line => line.length <= 100))
  }
  for (const args of [['--version'], ['-v'], ['probe', '--version'], ['probe', '-v']]) {
    t.like(await tlsResumption(...args), { code: 0, stdout: `${version}\n`, stderr: '' })
  }
})

test('command: without the addon it ends with a sentence and exit code 4', async t => {
  const { code, stderr } = await runNode(['--no-addons', join('dist', 'cli.js'), 'probe', 'localhost'])
  t.regex(stderr, /^tls-resumption: The native addon of tls-resumption could not be loaded: [^\n]+\n$/)
  t.is(code, 4)
})

test('probe options: a peer is a name or address with an optional port, which may imply STARTTLS', t => {
  const of = (text: string, startTls?: 'ldap' | 'none') => {
    const peer = parsePeer(text, startTls)
    return typeof peer === 'string' ? peer : [peer.name, peer.host, peer.port, peer.startTls, peer.isGuessed]
  }
  t.deepEqual(of('db.example'), ['db.example:443', 'db.example', 443, undefined, false])
  t.deepEqual(of('192.0.2.1:8443'), ['192.0.2.1:8443', '192.0.2.1', 8443, undefined, false])
  t.deepEqual(of('::1'), ['[::1]:443', '::1', 443, undefined, false])
  t.deepEqual(of('[::1]:5432'), ['[::1]:5432', '::1', 5432, 'postgres', true])
  t.deepEqual(of('a:3306'), ['a:3306', 'a', 3306, 'mysql', true])
  t.deepEqual(of('a:25'), ['a:25', 'a', 25, 'smtp', true])
  t.deepEqual(of('a:143'), ['a:143', 'a', 143, 'imap', true])
  t.deepEqual(of('a:389'), ['a:389', 'a', 389, 'ldap', true])
  t.deepEqual(of('a:5432', 'none'), ['a:5432', 'a', 5432, undefined, false])
  t.deepEqual(of('a:5432', 'ldap'), ['a:5432', 'a', 5432, 'ldap', false])
})

test('probe options: a URL names host and port, and its scheme the protocol', t => {
  const of = (text: string, startTls?: 'none') => {
    const peer = parsePeer(text, startTls)
    return typeof peer === 'string' ? peer : [peer.name, peer.startTls]
  }
  t.deepEqual(of('https://db.example/path?x#y'), ['db.example:443', undefined])
  t.deepEqual(of('wss://db.example:8443'), ['db.example:8443', undefined])
  t.deepEqual(of('postgres://user:p%40ss:word@db.example/name'), ['db.example:5432', 'postgres'])
  t.deepEqual(of('postgresql://db.example:6432', 'none'), ['db.example:6432', undefined])
  t.deepEqual(of('rediss://:secret@[::1]'), ['[::1]:6379', undefined])
  t.deepEqual(of('ldaps://[::1]:5432'), ['[::1]:5432', undefined])
})

test('probe options: - reads peers from the standard input', t => {
  const options = parseOptions(['-', 'c:1'], () => 'a:1\n\n# a comment\nb:2 # another\r\n')
  t.deepEqual(typeof options === 'string' ? [] : options.peers.map(({ name }) => name), ['a:1', 'b:2', 'c:1'])
  t.throws(() => parseOptions(['-'], () => ''), { instanceOf: UsageError, message: /^A peer is missing/ })
})
