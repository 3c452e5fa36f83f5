import type { Socket } from 'node:net'
import { Failure } from './failures.js'

/** Protocols that begin in plaintext and negotiate TLS. */
export const STARTTLS = [
  'postgres',
  'mysql',
  'smtp',
  'lmtp',
  'imap',
  'pop3',
  'sieve',
  'ftp',
  'nntp',
  'xmpp',
  'ldap',
] as const
export type StartTls = (typeof STARTTLS)[number]

/** The usual ports of these protocols. Ports such as 993 and 636 use TLS from the first byte. */
const PROTOCOL_BY_PORT: Readonly<Record<number, StartTls>> = {
  21: 'ftp',
  24: 'lmtp',
  25: 'smtp',
  110: 'pop3',
  119: 'nntp',
  143: 'imap',
  389: 'ldap',
  587: 'smtp',
  3306: 'mysql',
  4190: 'sieve',
  5222: 'xmpp',
  5432: 'postgres',
}

/** Returns the protocol that usually uses the port, or undefined. */
export function protocolOfPort(port: number): StartTls | undefined {
  return PROTOCOL_BY_PORT[port]
}

/** A bound for servers that send data without end. */
const MAX_PLAINTEXT_BYTES = 65_536

/** Reads and writes plaintext until TLS begins. */
class PlaintextConnection {
  readonly #socket: Socket
  #bytes: Buffer = Buffer.alloc(0)
  readonly #hear = (chunk: Buffer) => {
    this.#bytes = Buffer.concat([this.#bytes, chunk])
    this.#wake?.()
  }
  readonly #fail = (error: Error) => {
    this.#error ??= error
    this.#wake?.()
  }
  readonly #end = () => this.#fail(failure('it closed the connection before TLS began', 'CLOSED'))
  #wake: (() => void) | undefined
  #error: Error | undefined

  constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', this.#hear).on('end', this.#end).on('close', this.#end).on('error', this.#fail)
  }

  send(bytes: string | Uint8Array): void {
    this.#socket.write(bytes)
  }

  /** Waits for and removes the first bytes. `length` returns their number, or undefined if more bytes are needed. */
  async take(length: (bytes: Buffer) => number | undefined): Promise<Buffer> {
    for (;;) {
      const wanted = length(this.#bytes)
      if (wanted !== undefined && this.#bytes.length >= wanted) {
        const taken = this.#bytes.subarray(0, wanted)
        this.#bytes = this.#bytes.subarray(wanted)
        return taken
      }
      if (this.#error) throw this.#error
      if (this.#bytes.length > MAX_PLAINTEXT_BYTES)
        throw failure('it sends too much before TLS begins', 'TOO_MUCH')
      await new Promise<void>(resolve => {
        this.#wake = resolve
      })
    }
  }

  /** Waits for and removes a line. Returns it without its end. */
  async line(): Promise<string> {
    const bytes = await this.take(bytes => bytes.indexOf('\n') + 1 || undefined)
    return bytes.toString('latin1').trimEnd()
  }

  /** Waits for and removes everything up to the end of a text. */
  async until(end: string): Promise<string> {
    const bytes = await this.take(bytes => {
      const at = bytes.indexOf(end)
      return at < 0 ? undefined : at + end.length
    })
    return bytes.toString('latin1')
  }

  /**
   * Stops reading. Throws if bytes follow the last reply: an attacker on the path may have injected them, and TLS would
   * read them as its own (CVE-2011-0411, CVE-2021-23222).
   */
  release(): void {
    this.#socket.pause()
    this.#socket
      .off('data', this.#hear)
      .off('end', this.#end)
      .off('close', this.#end)
      .off('error', this.#fail)
    // @guard probe › probe-starttls › probe STARTTLS: * data between the reply and TLS is rejected
    if (this.#bytes.length > 0) throw failure('it sends more than its reply before TLS begins', 'INJECTED')
  }
}

function failure(sentence: string, code: string): Failure {
  return new Failure(sentence, 'starttls', code)
}

function unexpected(protocol: string, said: string): Failure {
  return failure(`it does not speak ${protocol}: it sends ${JSON.stringify(said.slice(0, 80))}`, 'NOT_SPOKEN')
}

function noTls(said: string): Failure {
  return failure(`it offers no TLS: ${said}`, 'NO_TLS')
}

/** Negotiates TLS with the server of this name. Afterwards the TLS handshake can start on the socket. */
export async function startTls(protocol: StartTls, socket: Socket, host: string): Promise<void> {
  const plaintext = new PlaintextConnection(socket)
  await negotiate[protocol](plaintext, host)
  plaintext.release()
}

const negotiate: Readonly<Record<StartTls, (plaintext: PlaintextConnection, host: string) => Promise<void>>> =
  {
    /** `SSLRequest`, answered with one byte. */
    async postgres(plaintext) {
      plaintext.send(Buffer.of(0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f))
      const answer = (await plaintext.take(() => 1)).toString('latin1')
      if (answer === 'N') throw noTls('ssl is off')
      if (answer !== 'S') throw unexpected('PostgreSQL', answer)
    },

    /** Protocol 10: the greeting has the capabilities, and `SSLRequest` is the first part of a login. */
    async mysql(plaintext) {
      // A packet has three bytes of length and a sequence number, which is 0 in a greeting.
      const packet = await plaintext.take(bytes => {
        if (bytes.length < 4) return undefined
        return bytes[3] === 0 ? 4 + bytes.readUIntLE(0, 3) : bytes.length
      })
      const greeting = packet.subarray(4)
      if (greeting[0] === 0xff)
        throw failure(`it sends the error ${JSON.stringify(greeting.toString('latin1', 3))}`, 'ERROR')
      const versionEnd = greeting.indexOf(0, 1)
      const capabilitiesAt = versionEnd + 1 + 4 + 8 + 1
      if (greeting[0] !== 10 || versionEnd < 0 || greeting.length < capabilitiesAt + 2) {
        throw unexpected('MySQL', packet.toString('latin1'))
      }
      const [SSL, PROTOCOL_41, SECURE_CONNECTION, UTF8] = [0x800, 0x200, 0x8000, 33]
      if (!(greeting.readUInt16LE(capabilitiesAt) & SSL)) throw noTls('have_ssl is off')
      const request = Buffer.alloc(4 + 32)
      request.writeUIntLE(32, 0, 3)
      request[3] = 1
      request.writeUInt32LE(SSL | PROTOCOL_41 | SECURE_CONNECTION, 4)
      request.writeUInt32LE(0xff_ffff, 8)
      request[12] = UTF8
      plaintext.send(request)
    },

    /** RFC 3207. */
    smtp: plaintext => mailTransfer(plaintext, 'SMTP', 'EHLO'),

    /** The same with the greeting of RFC 2033. */
    lmtp: plaintext => mailTransfer(plaintext, 'LMTP', 'LHLO'),

    /** RFC 2595 section 4. */
    async pop3(plaintext) {
      const greeting = await plaintext.line()
      if (!greeting.startsWith('+OK')) throw unexpected('POP3', greeting)
      plaintext.send('STLS\r\n')
      const answer = await plaintext.line()
      if (!answer.startsWith('+OK')) throw noTls(answer)
    },

    /** ManageSieve: RFC 5804 section 2.2. */
    async sieve(plaintext) {
      await sieveReply(plaintext)
      plaintext.send('STARTTLS\r\n')
      await sieveReply(plaintext)
    },

    /** RFC 4217 section 4. */
    async ftp(plaintext) {
      await numberedReply(plaintext, 'FTP', '220')
      plaintext.send('AUTH TLS\r\n')
      await numberedReply(plaintext, 'FTP with TLS', '234')
    },

    /** RFC 4642 section 2.2. */
    async nntp(plaintext) {
      const greeting = await plaintext.line()
      if (!/^20[01]/.test(greeting)) throw unexpected('NNTP', greeting)
      plaintext.send('STARTTLS\r\n')
      const answer = await plaintext.line()
      if (!answer.startsWith('382')) throw noTls(answer)
    },

    /** RFC 6120 section 5.4. */
    async xmpp(plaintext, host) {
      const name = host.replace(/[^\w.:-]/g, '')
      plaintext.send(
        `<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='${name}' version='1.0'>`,
      )
      const features = await plaintext.until('</stream:features>')
      if (!features.includes('urn:ietf:params:xml:ns:xmpp-tls'))
        throw noTls('starttls is not among its features')
      plaintext.send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
      const answer = await plaintext.until('>')
      if (!answer.includes('<proceed')) throw noTls(answer)
    },

    /** RFC 9051 section 6.2.1. */
    async imap(plaintext) {
      const greeting = await plaintext.line()
      if (!/^\* (?:OK|PREAUTH)/i.test(greeting)) throw unexpected('IMAP', greeting)
      plaintext.send('a STARTTLS\r\n')
      for (;;) {
        const line = await plaintext.line()
        if (/^a OK\b/i.test(line)) return
        if (!line.startsWith('*')) throw noTls(line)
      }
    },

    /** The extended operation of RFC 4511 section 4.14. */
    async ldap(plaintext) {
      const request = Buffer.from('1.3.6.1.4.1.1466.20037')
      const operation = Buffer.concat([
        Buffer.of(0x02, 1, 1, 0x77, 2 + request.length, 0x80, request.length),
        request,
      ])
      plaintext.send(Buffer.concat([Buffer.of(0x30, operation.length), operation]))
      const answer = await plaintext.take(berLength)
      // The answer has the message ID and a response [APPLICATION 24] that begins with an enumerated result code.
      const at = answer.indexOf(Buffer.of(0x02, 1, 1, 0x78))
      const code = answer.indexOf(Buffer.of(0x0a, 1), at)
      if (at < 0 || code < 0 || code + 2 >= answer.length) throw unexpected('LDAP', answer.toString('latin1'))
      if (answer[code + 2] !== 0) throw noTls(`StartTLS gets result code ${answer[code + 2]}`)
    },
  }

/** Mail servers list what they can do after a greeting of the client. */
async function mailTransfer(plaintext: PlaintextConnection, protocol: string, hello: string): Promise<void> {
  await numberedReply(plaintext, protocol, '220')
  plaintext.send(`${hello} [127.0.0.1]\r\n`)
  const extensions = await numberedReply(plaintext, protocol, '250')
  if (!extensions.some(line => /^STARTTLS\b/i.test(line.slice(4))))
    throw noTls('STARTTLS is not among its extensions')
  plaintext.send('STARTTLS\r\n')
  await numberedReply(plaintext, `${protocol} with STARTTLS`, '220')
}

/** Returns the lines of a reply. The code of the last line is followed by a space (RFC 5321 section 4.2.1, RFC 959 section 4.2). */
async function numberedReply(
  plaintext: PlaintextConnection,
  protocol: string,
  expected: string,
): Promise<string[]> {
  const lines: string[] = []
  for (;;) {
    const line = await plaintext.line()
    // FTP permits any text within the lines between the first and the last.
    const isBetween = lines.length > 0 && !/^\d{3}/.test(line)
    if (!isBetween && !line.startsWith(expected)) throw unexpected(protocol, line)
    lines.push(line)
    if (!isBetween && line[3] !== '-') return lines
  }
}

/** Reads capabilities up to the line that says how the command ended. */
async function sieveReply(plaintext: PlaintextConnection): Promise<void> {
  for (;;) {
    const line = await plaintext.line()
    if (/^OK\b/i.test(line)) return
    if (/^(?:NO|BYE)\b/i.test(line)) throw noTls(line)
    if (!line.startsWith('"')) throw unexpected('ManageSieve', line)
  }
}

/** Returns the length of a BER element with its header (X.690 section 8.1.3), or undefined if bytes are missing. */
function berLength(bytes: Buffer): number | undefined {
  const [tag, first] = bytes
  if (tag === undefined || first === undefined) return undefined
  if (tag !== 0x30) return bytes.length
  if (first < 0x80) return 2 + first
  const count = Math.min(first & 0x7f, 4)
  if (count === 0 || bytes.length < 2 + count) return count === 0 ? bytes.length : undefined
  return 2 + count + bytes.readUIntBE(2, count)
}
