import type tls from 'node:tls'
import { native } from './native.js'
import { giveMethods } from './own-methods.js'
import { lendScratch, readOwn } from './scratch.js'
import { factsOf, type SessionFacts, TLS_1_3 } from './session-facts.js'

/**
 * A certificate of nobody, which takes the place of the peer's in a TLS 1.2 session that is offered: without a name,
 * valid at no time, and with a key of the algorithm zeroDotZero, the null identifier (RFC 2578).
 *
 * OpenSSL decodes the public key of the certificate in every session that is offered, and with OpenSSL 3.0 that is a
 * seventh of all the client does. Then nobody looks at it: of the certificate in a client's session Node asks only
 * whether there is one. What it asks of the verdict on it is beside it, and stays.
 */
const NOBODY = Buffer.alloc(66)
NOBODY.write(
  '3040303602010130030601003000301e170d3730303130313030303030315a170d3730303130313030303030' +
    '305a3000300830030601000301003003060100030100',
  'hex',
)

const { openssl_is_boringssl: isBoringSsl } = process.features as { openssl_is_boringssl?: boolean }
/** What else there is has another form of sessions, or was not looked into. */
const isOpenSsl = Number.parseInt(process.versions.openssl, 10) === 3 && !isBoringSsl

/**
 * Lends a session as it is to be given to a socket. `use` must not keep it.
 *
 * With TLS 1.3 that is as it came: in new tickets OpenSSL repeats the certificate, and Node hands them to the
 * application.
 */
export function lendForOffer(session: Buffer, version: number, use: (offered: Buffer) => void): void {
  if (version >= TLS_1_3 || !isOpenSsl) use(session)
  else lendScratch(native.sessionWithLeaf, session, NOBODY, use)
}

/**
 * Lets a socket that was given such a session tell it with the certificate of its peer.
 *
 * @param leaf that certificate, as DER.
 */
export function tellSession(socket: tls.TLSSocket, leaf: () => Buffer): void {
  const asNodeTells = socket.getSession
  giveMethods(socket, {
    getSession() {
      const session = asNodeTells.call(socket)
      const facts = session && factsOf(session)
      if (!facts || !isOfNobody(session, facts)) return session
      return readOwn(native.sessionWithLeaf, session, leaf())
    },
  })
}

/** Whether a session names nobody: it has come from within a socket, and is neither kept nor offered. */
export function isOfNobody(session: Buffer, { leafStart, leafEnd }: SessionFacts): boolean {
  return leafEnd - leafStart === NOBODY.length && NOBODY.equals(session.subarray(leafStart, leafEnd))
}
