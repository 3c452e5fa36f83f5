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

/** Returns where the content of the element at `at` begins; -1 if its header does not fit into the bytes. */
function contentOf(bytes: Buffer, at: number): number {
  const first = bytes[at + 1]
  if (first === undefined) return -1
  const digits = first < 0x80 ? 0 : first & 0x7f
  const content = at + 2 + digits
  return digits > 3 || content > bytes.length ? -1 : content
}

/** Returns where the element at `at` ends; -1 if it does not fit into the bytes. Allocates nothing, as each handshake asks. */
function endOf(bytes: Buffer, at: number): number {
  const content = contentOf(bytes, at)
  if (content < 0) return -1
  let length = bytes[at + 1] as number
  if (length >= 0x80) {
    length = 0
    for (let digit = at + 2; digit < content; digit++) length = (length << 8) | (bytes[digit] as number)
  }
  return content + length > bytes.length ? -1 : content + length
}

/**
 * Returns where the field with this tag begins, or with `orLater` the first one with this tag or a greater one. That is the
 * end of the session if there is none, and -1 for bytes that are not a session.
 */
function findField(session: Buffer, tag: number, orLater = false): number {
  const { length } = session
  if (session[0] !== SEQUENCE || endOf(session, 0) !== length) return -1
  let found = length
  for (let at = contentOf(session, 0); at < length; ) {
    const tagHere = session[at] as number
    if (found === length && (tagHere === tag || (orLater && tagHere > tag))) found = at
    at = endOf(session, at)
    if (at < 0) return -1
  }
  return found
}

/** Where the octets of two fields are in the session that was located last. A server name that is absent is empty. */
const places = { context: 0, contextEnd: 0, servername: 0, servernameEnd: 0 }

/**
 * Finds what binds the session, in one pass: each resumption needs it. Returns false for bytes that are not a session, and
 * for a session without a context.
 */
function locate(session: Buffer): boolean {
  const { length } = session
  if (session[0] !== SEQUENCE || endOf(session, 0) !== length) return false
  places.context = -1
  places.servername = places.servernameEnd = 0
  for (let at = contentOf(session, 0); at < length; ) {
    const tag = session[at]
    const end = endOf(session, at)
    if (end < 0) return false
    if (tag === CONTEXT_TAG || tag === SERVERNAME_TAG) {
      const inner = contentOf(session, at)
      const isWhole = session[inner] === OCTET_STRING && endOf(session, inner) === end
      const octets = isWhole ? contentOf(session, inner) : -1
      if (tag === SERVERNAME_TAG && isWhole && places.servernameEnd === 0) {
        places.servername = octets
        places.servernameEnd = end
      } else if (tag === CONTEXT_TAG && places.context < 0) {
        if (!isWhole) return false
        places.context = octets
        places.contextEnd = end
      }
    }
    at = end
  }
  return places.context >= 0
}

/** Returns where the octets in the field with this tag begin; -1 if there are none. They end where the field does. */
function findOctets(session: Buffer, tag: number): number {
  const field = findField(session, tag)
  if (field < 0 || field === session.length) return -1
  const inner = contentOf(session, field)
  const isWhole = session[inner] === OCTET_STRING && endOf(session, inner) === endOf(session, field)
  return isWhole ? contentOf(session, inner) : -1
}

/**
 * Returns until when the certificate at `at` in the session is valid (`notAfter`, RFC 5280 section 4.1), in milliseconds
 * since 1970. NaN if that cannot be read. `X509Certificate` would decode the public key as well, which takes longer than
 * everything else that storing a session needs.
 */
export function certificateEnd(session: Buffer, at: number): number {
  const body = contentOf(session, at)
  if (session[at] !== SEQUENCE || endOf(session, at) < 0) return Number.NaN
  if (session[body] !== SEQUENCE || endOf(session, body) < 0) return Number.NaN
  let field = contentOf(session, body)
  if (session[field] === VERSION_TAG) field = endOf(session, field)
  // Behind the serial number: signature algorithm, issuer, and the validity.
  for (let skipped = 0; field >= 0 && skipped < 3; skipped++) field = endOf(session, field)
  if (session[field] !== SEQUENCE) return Number.NaN
  const start = contentOf(session, field)
  const end = start < 0 ? -1 : endOf(session, start)
  const last = end < 0 ? -1 : endOf(session, end)
  return last >= 0 && last === endOf(session, field) ? timeIn(session, end, last - 1) : Number.NaN
}

/** Returns the time of the element at `at` in the only form that certificates may have: RFC 5280 section 4.1.2.5. */
function timeIn(bytes: Buffer, at: number, last: number): number {
  const tag = bytes[at]
  const content = contentOf(bytes, at)
  const yearDigits = tag === GENERALIZED_TIME ? 4 : 2
  if (tag !== GENERALIZED_TIME && tag !== UTC_TIME) return Number.NaN
  if (last - content !== yearDigits + 10 || bytes[last] !== 0x5a) return Number.NaN
  let year = numberAt(bytes, content)
  if (yearDigits === 4) year = year * 100 + numberAt(bytes, content + 2)
  else year += year < 50 ? 2000 : 1900
  const rest = content + yearDigits
  return Date.UTC(
    year,
    numberAt(bytes, rest) - 1,
    numberAt(bytes, rest + 2),
    numberAt(bytes, rest + 4),
    numberAt(bytes, rest + 6),
    numberAt(bytes, rest + 8),
  )
}

/** Returns the number of two decimal digits; NaN for other bytes. */
function numberAt(bytes: Buffer, at: number): number {
  const tens = (bytes[at] as number) - 0x30
  const units = (bytes[at + 1] as number) - 0x30
  return tens >= 0 && tens <= 9 && units >= 0 && units <= 9 ? tens * 10 + units : Number.NaN
}

/** Returns the server name that the session was made under, empty if it has none. */
export function servernameIn(session: Buffer): string {
  const field = findField(session, SERVERNAME_TAG)
  const octets = findOctets(session, SERVERNAME_TAG)
  return octets < 0 ? '' : session.toString('latin1', octets, endOf(session, field))
}

/**
 * Returns a copy of the session that has this server name, in memory that the caller wipes. Node.js lets OpenSSL keep no
 * name in a session, and `socket.servername` of the resumed connection would then be `false`.
 *
 * Returns `undefined` if the session has a name already, or is not a session.
 */
export function withServername(session: Buffer, servername: string): Buffer | undefined {
  // RFC 6066 section 3: a host name has at most 255 bytes; an element of up to 127 has a length of one byte.
  if (servername.length === 0 || servername.length > 255) return undefined
  if (findField(session, SERVERNAME_TAG) !== session.length) return undefined
  const field = wrap(SERVERNAME_TAG, wrap(OCTET_STRING, Buffer.from(servername, 'latin1')))
  const at = findField(session, SERVERNAME_TAG, true)
  const body = contentOf(session, 0)
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

/** The context whose sessions are bound in a way that is not known. */
let unknownFor: string | undefined

const MAX_BOUND_CONTEXTS = 100

/** The last results of `boundContext`: a digest takes ten times as long as the rest of a resumption. */
const boundContexts = new Map<string, Buffer>()

/** The last result, as most sessions of a server have one name: to make a string of that costs more than to compare it. */
let last: { context: string; isWithServername: boolean; servername: Buffer; bound: Buffer } = {
  context: '',
  isWithServername: false,
  servername: Buffer.alloc(0),
  bound: Buffer.alloc(0),
}

function boundContext(context: string, session: Buffer, isWithServername: boolean): Buffer {
  if (
    context === last.context &&
    isWithServername === last.isWithServername &&
    (!isWithServername || hasAt(session, places.servername, places.servernameEnd, last.servername))
  ) {
    return last.bound
  }
  const servername = session.toString('latin1', places.servername, places.servernameEnd)
  const input = isWithServername ? `${context}\0${servername}` : context
  let bound = boundContexts.get(input)
  if (bound === undefined) {
    bound = isWithServername
      ? createHash('sha256').update(input, 'latin1').digest()
      : Buffer.from(input, 'latin1')
    if (boundContexts.size >= MAX_BOUND_CONTEXTS) boundContexts.clear()
    boundContexts.set(input, bound)
  }
  last = { context, isWithServername, servername: Buffer.from(servername, 'latin1'), bound }
  return bound
}

function hasAt(bytes: Buffer, at: number, end: number, expected: Buffer): boolean {
  if (end - at !== expected.length) return false
  for (let index = 0; at + index < end; index++) {
    if (bytes[at + index] !== expected[index]) return false
  }
  return true
}

/** Learns from a new session of a server with this context how Node.js binds sessions. */
export function learnBinding(session: Buffer, context: string): void {
  if (bindsServername !== undefined || unknownFor === context) return
  if (!locate(session)) return
  const bound = session.subarray(places.context, places.contextEnd)
  bindsServername = [false, true].find(candidate => bound.equals(boundContext(context, session, candidate)))
  if (bindsServername === undefined) unknownFor = context
}

/** A default context is hexadecimal, in lower case. A digest is not, except by a chance of less than 2^-100. */
function isDigest(session: Buffer): boolean {
  for (let at = places.context; at < places.contextEnd; at++) {
    const byte = session[at] as number
    if (!((byte >= 0x30 && byte <= 0x39) || (byte >= 0x61 && byte <= 0x66))) return true
  }
  return places.context === places.contextEnd
}

/**
 * Binds the session to another session ID context, in place. Node.js derives its default from the arguments of the
 * process, so that servers with equal identities in two processes have different ones. Until this process has made a
 * session, it assumes that the same Node.js made this one.
 */
export function rebind(session: Buffer, context: string): void {
  if (!locate(session)) return
  const bound = boundContext(context, session, bindsServername ?? isDigest(session))
  if (places.contextEnd - places.context === bound.length) session.set(bound, places.context)
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
