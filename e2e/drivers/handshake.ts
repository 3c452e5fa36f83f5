/**
 * Reads from the bytes on the wire if a session was offered and if the server resumed it.
 *
 * - TLS 1.3: the ServerHello selects a pre-shared key (RFC 8446 4.2.11).
 * - TLS 1.2: a resumed handshake has no Certificate message (RFC 5246 7.3). ChangeCipherSpec follows the
 *   ServerHello or the new ticket.
 */
export interface Handshake {
  /** True if the client offered a session. */
  readonly offered: boolean
  readonly resumed: boolean
  readonly protocol: 'TLSv1.2' | 'TLSv1.3'
}

/**
 * Returns how many bytes one side sends before TLS, or undefined while that is unknown: for protocols that start in
 * the clear.
 */
export type Preamble = (bytes: Buffer, side: 'client' | 'server') => number | undefined

const CHANGE_CIPHER_SPEC = 20
const HANDSHAKE = 22
const CLIENT_HELLO = 1
const SERVER_HELLO = 2
const CERTIFICATE = 11
const SESSION_TICKET = 35
const PRE_SHARED_KEY = 41
const SUPPORTED_VERSIONS = 43

/** RFC 8446 4.1.3: a ServerHello with this random is a HelloRetryRequest, and the real one follows. */
const RETRY_RANDOM = Buffer.from('cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c', 'hex')

/** Both directions of one connection. */
export class HandshakeReader {
  readonly #client: MessageReader
  readonly #server: MessageReader
  #offered = false
  #isTls12 = false
  /** Set once the bytes decide it. Later bytes are not read; most are encrypted. */
  result: Handshake | undefined

  constructor(preamble: Preamble = () => 0) {
    this.#client = new MessageReader(bytes => preamble(bytes, 'client'))
    this.#server = new MessageReader(bytes => preamble(bytes, 'server'))
  }

  fromClient(chunk: Buffer): void {
    if (this.result) return
    for (const { type, body } of this.#client.read(chunk)) {
      if (type === CLIENT_HELLO) this.#offered ||= offers(body)
    }
  }

  fromServer(chunk: Buffer): void {
    for (const { type, body } of this.#server.read(chunk)) {
      if (this.result) return
      if (type === SERVER_HELLO && !body.subarray(2, 34).equals(RETRY_RANDOM)) {
        // Version 2, random 32, session id 1 + n, cipher suite 2, compression 1.
        const extensions = extensionsOf(body, 35 + body.readUInt8(34) + 3)
        if (extensions.has(SUPPORTED_VERSIONS)) this.#decide('TLSv1.3', extensions.has(PRE_SHARED_KEY))
        this.#isTls12 = true
      }
      if (type === CERTIFICATE) this.#decide('TLSv1.2', false)
      if (type === 'ChangeCipherSpec' && this.#isTls12) this.#decide('TLSv1.2', true)
    }
  }

  #decide(protocol: Handshake['protocol'], resumed: boolean): void {
    this.result = { offered: this.#offered, resumed, protocol }
  }
}

interface Message {
  type: number | 'ChangeCipherSpec'
  body: Buffer
}

/** Splits TLS records into handshake messages. A ChangeCipherSpec counts as one. */
class MessageReader {
  #bytes: Buffer = Buffer.alloc(0)
  #messages: Buffer = Buffer.alloc(0)
  #inPreamble = true

  constructor(readonly preamble: (bytes: Buffer) => number | undefined) {}

  *read(chunk: Buffer): Generator<Message> {
    this.#bytes = Buffer.concat([this.#bytes, chunk])
    if (this.#inPreamble) {
      const length = this.preamble(this.#bytes)
      if (length === undefined || this.#bytes.length < length) return
      this.#bytes = this.#bytes.subarray(length)
      this.#inPreamble = false
    }
    while (this.#bytes.length >= 5) {
      const end = 5 + this.#bytes.readUInt16BE(3)
      if (this.#bytes.length < end) return
      const type = this.#bytes.readUInt8(0)
      const body = this.#bytes.subarray(5, end)
      this.#bytes = this.#bytes.subarray(end)
      if (type === CHANGE_CIPHER_SPEC) yield { type: 'ChangeCipherSpec', body }
      if (type === HANDSHAKE) yield* this.#messagesIn(body)
    }
  }

  *#messagesIn(record: Buffer): Generator<Message> {
    this.#messages = Buffer.concat([this.#messages, record])
    while (this.#messages.length >= 4) {
      const end = 4 + this.#messages.readUIntBE(1, 3)
      if (this.#messages.length < end) return
      const type = this.#messages.readUInt8(0)
      const body = this.#messages.subarray(4, end)
      this.#messages = this.#messages.subarray(end)
      yield { type, body }
    }
  }
}

/** Version 2, random 32, session id 1 + n, cipher suites 2 + n, compression 1 + n. */
function offers(clientHello: Buffer): boolean {
  const idLength = clientHello.readUInt8(34)
  let at = 35 + idLength
  at += 2 + clientHello.readUInt16BE(at)
  at += 1 + clientHello.readUInt8(at)
  const extensions = extensionsOf(clientHello, at)
  return (
    extensions.has(PRE_SHARED_KEY) ||
    (extensions.get(SESSION_TICKET) ?? 0) > 0 ||
    // A TLS 1.3 client always sends a session id, which means nothing (RFC 8446 D.4).
    (!extensions.has(SUPPORTED_VERSIONS) && idLength > 0)
  )
}

/** Returns types and lengths of the extensions at `at`, after their total length. */
function extensionsOf(hello: Buffer, at: number): Map<number, number> {
  const lengths = new Map<number, number>()
  for (let next = at + 2; next + 4 <= hello.length; ) {
    const length = hello.readUInt16BE(next + 2)
    lengths.set(hello.readUInt16BE(next), length)
    next += 4 + length
  }
  return lengths
}
