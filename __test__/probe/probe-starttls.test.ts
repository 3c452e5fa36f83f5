/** Servers of protocols that begin in plaintext. The tests play the plaintext part, and TLS is real. */
import { once } from 'node:events'
import net, { type AddressInfo, type Socket } from 'node:net'
import tls from 'node:tls'
import test, { type ExecutionContext } from 'ava'
import type { StartTls } from '../../dist/probe/starttls.js'
import { probe } from '../support/cli.ts'
import { testAuthority } from '../support/server.ts'

/** The greeting of the server and its answer to each message of the client. TLS begins after the last answer. */
interface Script {
  greeting?: string | Buffer
  answers: [said: RegExp | Buffer, answer: string | Buffer][]
}

/** Returns a greeting of protocol 10 from version `5.5.5-test`, with or without the capability CLIENT_SSL. */
function mysqlGreeting(hasTls: boolean): Buffer {
  const rest = Buffer.alloc(4 + 8 + 1 + 2 + 1 + 2 + 2 + 1 + 10)
  rest.writeUInt16LE(hasTls ? 0xffff : 0xf7ff, 13)
  const body = Buffer.concat([Buffer.of(10), Buffer.from('5.5.5-test\0'), rest])
  return Buffer.concat([Buffer.of(body.length, 0, 0, 0), body])
}

const POSTGRES_REQUEST = Buffer.from('0000000804d2162f', 'hex')
/** Packet 1 with 32 bytes: capabilities, maximum packet size, character set and 23 zeros. */
const MYSQL_REQUEST = Buffer.from(
  `20000001 008a0000 ffffff00 21 ${'00'.repeat(23)}`.replaceAll(' ', ''),
  'hex',
)
const LDAP_REQUEST = Buffer.concat([
  Buffer.from('301d02010177188016', 'hex'),
  Buffer.from('1.3.6.1.4.1.1466.20037'),
])

const XMPP_TLS = "xmlns='urn:ietf:params:xml:ns:xmpp-tls'"

const SCRIPTS: Record<StartTls, Script> = {
  postgres: { answers: [[POSTGRES_REQUEST, 'S']] },
  mysql: { greeting: mysqlGreeting(true), answers: [[MYSQL_REQUEST, '']] },
  smtp: {
    greeting: '220-mail.example ESMTP\r\n220 hello\r\n',
    answers: [
      [/^EHLO \[127\.0\.0\.1\]\r\n$/, '250-mail.example\r\n250-SIZE 1000\r\n250-StartTLS\r\n250 HELP\r\n'],
      [/^STARTTLS\r\n$/, '220 go ahead\r\n'],
    ],
  },
  lmtp: {
    greeting: '220 hello\r\n',
    answers: [
      [/^LHLO \[127\.0\.0\.1\]\r\n$/, '250-mail.example\r\n250 STARTTLS\r\n'],
      [/^STARTTLS\r\n$/, '220 go ahead\r\n'],
    ],
  },
  pop3: { greeting: '+OK ready\r\n', answers: [[/^STLS\r\n$/, '+OK begin\r\n']] },
  sieve: {
    greeting: '"SIEVE" "fileinto"\r\n"STARTTLS"\r\nOK "ready"\r\n',
    answers: [[/^STARTTLS\r\n$/, 'OK "begin"\r\n']],
  },
  ftp: {
    greeting: '220-welcome\r\n to this server\r\n220 ready\r\n',
    answers: [[/^AUTH TLS\r\n$/, '234 begin\r\n']],
  },
  nntp: { greeting: '200 ready\r\n', answers: [[/^STARTTLS\r\n$/, '382 begin\r\n']] },
  xmpp: {
    answers: [
      [
        /^<stream:stream .* to='localhost' version='1.0'>$/,
        `<?xml version='1.0'?><stream:stream id='1'><stream:features><starttls ${XMPP_TLS}/></stream:features>`,
      ],
      [/^<starttls .*\/>$/, `<proceed ${XMPP_TLS}/>`],
    ],
  },
  imap: {
    greeting: '* OK IMAP4rev2 ready\r\n',
    answers: [[/^a STARTTLS\r\n$/, '* CAPABILITY IMAP4rev2\r\na OK begin\r\n']],
  },
  ldap: { answers: [[LDAP_REQUEST, Buffer.from('300c02010178070a010004000400', 'hex')]] },
}

/** Plays the script on each connection and then starts TLS. `more` follows the last answer. */
async function startScripted(
  t: ExecutionContext,
  script: Script,
  more = '',
): Promise<{ port: number; ca: string }> {
  const { cert: ca, issue } = await testAuthority()
  const identity = await issue({ usage: 'server', commonName: 'localhost' })
  const secure = tls.createServer(identity, socket => socket.on('error', () => {}).end('!'))
  secure.on('tlsClientError', () => {})
  const server = net.createServer(socket => {
    socket.on('error', () => {})
    play(socket, script, more).then(() => secure.emit('connection', socket))
  })
  t.teardown(() => server.close())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { port: (server.address() as AddressInfo).port, ca }
}

async function play(socket: Socket, { greeting, answers }: Script, more: string): Promise<void> {
  if (greeting) socket.write(greeting)
  for (const [index, [said, answer]] of answers.entries()) {
    await once(socket, 'readable')
    const chunk: Buffer | null = socket.read()
    const length = chunk ? matchedLength(said, chunk) : undefined
    if (chunk === null || length === undefined) {
      socket.destroy()
      return new Promise(() => {})
    }
    // The ClientHello may have arrived in the same chunk.
    if (length < chunk.length) socket.unshift(chunk.subarray(length))
    const isLast = index === answers.length - 1
    if (answer || more) socket.write(Buffer.concat([Buffer.from(answer), Buffer.from(isLast ? more : '')]))
  }
}

/** Returns the length of the expected message at the start of the chunk, or undefined if it does not match. */
function matchedLength(expected: RegExp | Buffer, chunk: Buffer): number | undefined {
  if (Buffer.isBuffer(expected)) return chunk.indexOf(expected) === 0 ? expected.length : undefined
  return expected.exec(chunk.toString('latin1'))?.[0].length
}

for (const [protocol, script] of Object.entries(SCRIPTS)) {
  test(`probe STARTTLS: ${protocol} negotiates TLS and is probed`, async t => {
    const probed = await probe(t, await startScripted(t, script), '--starttls', protocol)
    t.is(
      probed.verdict,
      'resumes; 2 tickets, not renewed: with single use every third connection is a full handshake',
    )
    t.is(probed.startTls, protocol as StartTls)
    t.is(probed.code, 0)
    const isCounted = /^The server counts these \d+ connections as errors/.test(probed.notes.join())
    t.is(isCounted, protocol === 'mysql')
  })

  test(`probe STARTTLS: ${protocol} data between the reply and TLS is rejected`, async t => {
    if (protocol === 'mysql') return void t.pass('the server sends nothing after its greeting')
    const { error, code } = await probe(
      t,
      await startScripted(t, script, 'injected\r\n'),
      '--starttls',
      protocol,
    )
    t.is(error?.message, 'it sends more than its reply before TLS begins')
    t.is(code, 3)
  })
}

const REFUSING: Record<StartTls, [Script, sentence: RegExp][]> = {
  postgres: [
    [{ answers: [[/^/, 'N']] }, /^it offers no TLS: ssl is off$/],
    [{ answers: [[/^/, 'E']] }, /^it does not speak PostgreSQL: it sends "E"$/],
  ],
  mysql: [
    [{ greeting: mysqlGreeting(false), answers: [[/^/, '']] }, /^it offers no TLS: have_ssl is off$/],
    [
      { greeting: Buffer.from('\x10\0\0\0\xff\x69\x04Host blocked!!', 'latin1'), answers: [[/^/, '']] },
      /^it sends the error "Host blocked!"/,
    ],
    [
      { greeting: 'SSH-2.0-OpenSSH\r\n', answers: [[/^/, '']] },
      /^it does not speak MySQL: it sends "SSH-2\.0/,
    ],
  ],
  smtp: [
    [
      { greeting: '220 hello\r\n', answers: [[/^EHLO/, '250 HELP\r\n']] },
      /^it offers no TLS: STARTTLS is not among its extensions$/,
    ],
    [
      { greeting: '554 go away\r\n', answers: [[/^/, '']] },
      /^it does not speak SMTP: it sends "554 go away"$/,
    ],
  ],
  lmtp: [
    [
      { greeting: '220 hello\r\n', answers: [[/^LHLO/, '250 PIPELINING\r\n']] },
      /^it offers no TLS: STARTTLS is not among its extensions$/,
    ],
  ],
  pop3: [
    [
      { greeting: '+OK ready\r\n', answers: [[/^STLS/, '-ERR unknown\r\n']] },
      /^it offers no TLS: -ERR unknown$/,
    ],
    [{ greeting: '-ERR busy\r\n', answers: [[/^/, '']] }, /^it does not speak POP3: it sends "-ERR busy"$/],
  ],
  sieve: [
    [
      { greeting: 'OK "ready"\r\n', answers: [[/^STARTTLS/, 'NO "no TLS"\r\n']] },
      /^it offers no TLS: NO "no TLS"$/,
    ],
    [{ greeting: '* OK\r\n', answers: [[/^/, '']] }, /^it does not speak ManageSieve: it sends "\* OK"$/],
  ],
  ftp: [
    [
      { greeting: '220 ready\r\n', answers: [[/^AUTH/, '502 no\r\n']] },
      /^it does not speak FTP with TLS: it sends "502 no"$/,
    ],
    [{ greeting: '421 busy\r\n', answers: [[/^/, '']] }, /^it does not speak FTP: it sends "421 busy"$/],
  ],
  nntp: [
    [{ greeting: '201 ready\r\n', answers: [[/^STARTTLS/, '580 no\r\n']] }, /^it offers no TLS: 580 no$/],
    [{ greeting: '502 no\r\n', answers: [[/^/, '']] }, /^it does not speak NNTP: it sends "502 no"$/],
  ],
  xmpp: [
    [
      { answers: [[/^<stream.*>$/, '<stream:features></stream:features>']] },
      /^it offers no TLS: starttls is not among its features$/,
    ],
    [
      {
        answers: [
          [/^<stream.*>$/, `<stream:features><starttls ${XMPP_TLS}/></stream:features>`],
          [/^<starttls.*>$/, `<failure ${XMPP_TLS}/>`],
        ],
      },
      /^it offers no TLS: <failure/,
    ],
  ],
  imap: [
    [{ greeting: '* OK ready\r\n', answers: [[/^a /, 'a BAD no\r\n']] }, /^it offers no TLS: a BAD no$/],
    [{ greeting: '* BYE\r\n', answers: [[/^/, '']] }, /^it does not speak IMAP: it sends "\* BYE"$/],
  ],
  ldap: [
    [
      { answers: [[LDAP_REQUEST, Buffer.from('300c02010178070a010204000400', 'hex')]] },
      /^it offers no TLS: StartTLS gets result code 2$/,
    ],
    [{ answers: [[/^/, 'HTTP/1.1 400\r\n']] }, /^it does not speak LDAP: it sends "HTTP/],
  ],
}

for (const [protocol, cases] of Object.entries(REFUSING)) {
  test(`probe STARTTLS: ${protocol} servers without TLS or of another protocol are reported`, async t => {
    for (const [script, sentence] of cases) {
      const { error, code, contacts } = await probe(t, await startScripted(t, script), '--starttls', protocol)
      t.regex(error?.message ?? '', sentence)
      t.is(contacts.length, 1)
      t.is(code, 3)
    }
  })
}

test('probe STARTTLS: a server that is silent or closes before TLS is reported', async t => {
  const silent = await startScripted(t, { greeting: '220-', answers: [[/^/, '']] })
  const { error } = await probe(t, silent, '--starttls', 'smtp', '--timeout', '0.5')
  t.is(error?.message, 'it accepted the connection but did not start TLS within 0.5 s')
  const closing = net.createServer(socket => socket.on('error', () => {}).end('* OK'))
  t.teardown(() => closing.close())
  closing.listen(0, '127.0.0.1')
  await once(closing, 'listening')
  const closed = await probe(t, { port: (closing.address() as AddressInfo).port }, '--starttls', 'imap')
  t.is(closed.error?.message, 'it closed the connection before TLS began')
})
