/**
 * Fields of a stored TLS 1.2 session. OpenSSL serializes it as `SSL_SESSION` in DER (ssl/ssl_asn1.c): a sequence whose
 * optional fields have the tags [1] to [19]. Each field contains one octet string or number.
 */

import { createHash } from 'node:crypto'

const SEQUENCE = 0x30
const OCTET_STRING = 0x04
/** The session ID context, [4]. */
const CONTEXT_TAG = 0xa4
/** The server name, [6]. */
const SERVERNAME_TAG = 0xa6

interface Element {
  tag: number
  start: number
  content: number
  end: number
}

/** Returns the element that starts at `at`; undefined if it does not fit into the bytes. */
function elementAt(bytes: Buffer, at: number): Element | undefined {
  const [tag, first] = [bytes[at], bytes[at + 1]]
  if (tag === undefined || first === undefined) return undefined
  const digits = first < 0x80 ? 0 : first & 0x7f
  const content = at + 2 + digits
  if (digits > 3 || content > bytes.length) return undefined
  const length = digits === 0 ? first : bytes.readUIntBE(at + 2, digits)
  const end = content + length
  return end > bytes.length ? undefined : { tag, start: at, content, end }
}

/** Returns the fields of a session; none for bytes that are not a session. */
function fieldsOf(session: Buffer): Element[] {
  const outer = elementAt(session, 0)
  if (outer?.tag !== SEQUENCE || outer.end !== session.length) return []
  const fields: Element[] = []
  for (let at = outer.content; at < outer.end; ) {
    const field = elementAt(session, at)
    if (field === undefined) return []
    fields.push(field)
    at = field.end
  }
  return fields
}

function octetsIn(session: Buffer, field: Element | undefined): Buffer | undefined {
  const inner = field && elementAt(session, field.content)
  if (inner?.tag !== OCTET_STRING || inner.end !== field?.end) return undefined
  return session.subarray(inner.content, inner.end)
}

/** Returns the server name that the session was made under, empty if it has none. */
export function servernameIn(session: Buffer): string {
  const field = fieldsOf(session).find(({ tag }) => tag === SERVERNAME_TAG)
  return octetsIn(session, field)?.toString('latin1') ?? ''
}

/**
 * Returns a copy of the session that has this server name, in memory that the caller wipes. Node.js lets OpenSSL keep no
 * name in a session, and `socket.servername` of the resumed connection would then be `false`.
 *
 * Returns `undefined` if the session has a name already, or is not a session.
 */
export function withServername(session: Buffer, servername: string): Buffer | undefined {
  const fields = fieldsOf(session)
  const last = fields.at(-1)
  if (last === undefined || fields.some(({ tag }) => tag === SERVERNAME_TAG)) return undefined
  const name = Buffer.from(servername, 'latin1')
  // RFC 6066 section 3: a host name has at most 255 bytes; an element of up to 127 has a length of one byte.
  if (name.length === 0 || name.length > 255) return undefined
  const field = wrap(SERVERNAME_TAG, wrap(OCTET_STRING, name))
  const at = fields.find(({ tag }) => tag > SERVERNAME_TAG)?.start ?? last.end
  const body = fields[0]?.start ?? 0
  const header = headerOf(SEQUENCE, session.length - body + field.length)
  const named = Buffer.allocUnsafeSlow(header.length + session.length - body + field.length)
  header.copy(named)
  session.copy(named, header.length, body, at)
  field.copy(named, header.length + at - body)
  session.copy(named, header.length + at - body + field.length, at)
  return named
}

/**
 * True if this Node.js binds sessions to a digest of context and server name, as releases of 22 and 24 since CVE-2026-48934
 * do. Undefined before a new session has shown it.
 */
let bindsServername: boolean | undefined

function boundContext(context: string, session: Buffer): Buffer {
  if (!bindsServername) return Buffer.from(context, 'latin1')
  return createHash('sha256')
    .update(`${context}\0${servernameIn(session)}`, 'latin1')
    .digest()
}

function contextIn(session: Buffer): Buffer | undefined {
  return octetsIn(
    session,
    fieldsOf(session).find(({ tag }) => tag === CONTEXT_TAG),
  )
}

/** Learns from a new session of a server with this context how Node.js binds sessions. */
export function learnBinding(session: Buffer, context: string): void {
  if (bindsServername !== undefined) return
  const bound = contextIn(session)
  if (bound === undefined) return
  for (const candidate of [false, true]) {
    bindsServername = candidate
    if (bound.equals(boundContext(context, session))) return
  }
  bindsServername = undefined
}

/**
 * Binds the session to another session ID context, in place. Node.js derives its default from the arguments of the
 * process, so that servers with equal identities in two processes have different ones.
 */
export function rebind(session: Buffer, context: string): void {
  if (bindsServername === undefined) return
  const bound = boundContext(context, session)
  const octets = contextIn(session)
  if (octets?.length === bound.length) bound.copy(octets)
}

function headerOf(tag: number, length: number): Buffer {
  if (length < 0x80) return Buffer.of(tag, length)
  if (length < 0x100) return Buffer.of(tag, 0x81, length)
  if (length < 0x10000) return Buffer.of(tag, 0x82, length >> 8, length & 0xff)
  return Buffer.of(tag, 0x83, length >> 16, (length >> 8) & 0xff, length & 0xff)
}

function wrap(tag: number, content: Buffer): Buffer {
  return Buffer.concat([headerOf(tag, content.length), content])
}
