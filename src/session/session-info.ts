import { native } from '../native/addon.js'

/** The protocol version on the wire. */
export const TLS_1_3 = 0x0304

/** What decides how a session may be stored and offered. */
export interface SessionInfo {
  /** The protocol version on the wire: 0x0303 is TLS 1.2, 0x0304 TLS 1.3. */
  version: number
  /** For how many milliseconds it may be stored; 0: not at all. */
  lifetime: number
  /** True if the peer's chain was verified. A resumed handshake repeats this result. */
  verified: boolean
  /** Where the DER of the peer's own certificate begins in the blob. */
  leafStart: number
  /** Where it ends. Equal to `leafStart` if there is none. */
  leafEnd: number
  /** The verification result of the peer's chain: an `X509_V_ERR_*` of OpenSSL, or 0. */
  verifyResult: number
  /** When the session was established, in milliseconds since 1970 by the local clock, in whole seconds. */
  establishedAt: number
  /** The session timeout of the local context in milliseconds. */
  timeout: number
}

/** The memory that the addon writes to: to make an object there takes longer than to read the session. */
const numbers = new Float64Array(9)
const out = new Uint8Array(numbers.buffer, 0, 64)
const outWithFingerprint = new Uint8Array(numbers.buffer)

/** Reads a session blob. Returns undefined for bytes that are none. */
export function readSessionInfo(session: Buffer): SessionInfo | undefined {
  return native.sessionInfo(session, out) ? infoOf(numbers) : undefined
}

/** Reads a session blob, and its fingerprint in the same call. */
export function identifySession(session: Buffer): { info: SessionInfo | undefined; fingerprint: number } {
  const info = native.sessionInfo(session, outWithFingerprint) ? infoOf(numbers) : undefined
  return { info, fingerprint: numbers[8] as number }
}

function infoOf(numbers: Float64Array): SessionInfo {
  return {
    version: numbers[0] as number,
    lifetime: numbers[1] as number,
    verified: numbers[2] === 1,
    leafStart: numbers[3] as number,
    leafEnd: numbers[4] as number,
    verifyResult: numbers[5] as number,
    establishedAt: numbers[6] as number,
    timeout: numbers[7] as number,
  }
}
