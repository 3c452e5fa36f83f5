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
/** The version of a certificate, [0], which one of version 1 does not have. */
const VERSION_TAG = 0xa0
const UTC_TIME = 0x17
const GENERALIZED_TIME = 0x18

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

/**
 * Returns until when the certificate at `at` in the session is valid (`notAfter`, RFC 5280 section 4.1), in milliseconds
 * since 1970. NaN if that cannot be read. `X509Certificate` would decode the public key as well, which takes longer than
 * everything else that storing a session needs.
 */
export function certificateEnd(session: Buffer, at: number): number {
  const certificate = elementAt(session, at)
  const body = certificate && elementAt(session, certificate.content)
  if (certificate?.tag !== SEQUENCE || body?.tag !== SEQUENCE) return Number.NaN
  let field = elementAt(session, body.content)
  if (field?.tag === VERSION_TAG) field = elementAt(session, field.end)
  // Behind the serial number: signature algorithm, issuer, and the validity.
  for (let skipped = 0; field !== undefined && skipped < 3; skipped++) field = elementAt(session, field.end)
  const start = field?.tag === SEQUENCE ? elementAt(session, field.content) : undefined
  const end = start && elementAt(session, start.end)
  return end !== undefined && end.end === field?.end ? timeIn(session, end) : Number.NaN
}

/** Returns the time of an element in the only form that certificates may have: RFC 5280 section 4.1.2.5. */
function timeIn(bytes: Buffer, { tag, content, end }: Element): number {
  const text = bytes.toString('latin1', content, end)
  if (tag === GENERALIZED_TIME && /^\d{14}Z$/.test(text))
    return timeOf(Number(text.slice(0, 4)), text.slice(4))
  if (tag !== UTC_TIME || !/^\d{12}Z$/.test(text)) return Number.NaN
  const year = Number(text.slice(0, 2))
  return timeOf(year < 50 ? 2000 + year : 1900 + year, text.slice(2))
}

function timeOf(year: number, rest: string): number {
  const [month, day, hour, minute, second] = rest.match(/\d\d/g)?.map(Number) ?? []
  return Date.UTC(year, Number(month) - 1, day, hour, minute, second)
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
