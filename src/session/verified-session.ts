/**
 * What is kept with each session of a client: when, and by which certificates, a full handshake verified the peer. A
 * resumed handshake verifies nothing, so this decides whether the session may still be offered.
 */

/** Bytes of an encoded {@link Verification}. */
export const RECORD_LENGTH = 64

/** The verification that a session relies on. Times are milliseconds since 1970. */
export interface Verification {
  /** SHA-256 of the certificate chain, under which it is stored. */
  readonly chainDigest: Buffer
  /** True if the chain was verified up to a trust anchor. */
  readonly isChainVerified: boolean
  /** When a full handshake last verified this peer. */
  readonly verifiedAt: number
  /** When the last certificate became valid that was valid at that time. */
  readonly goodFrom: number
  /** When the first of these certificates, or of the CRLs, runs out. */
  readonly goodUntil: number
}

const IS_VERIFICATION = 1
const IS_CHAIN_VERIFIED = 2
const DIGEST_LENGTH = 32
const VERIFIED_AT = DIGEST_LENGTH
const GOOD_FROM = VERIFIED_AT + 8
const GOOD_UNTIL = GOOD_FROM + 8
const FLAGS = GOOD_UNTIL + 8

/** Returns a record of {@link RECORD_LENGTH} bytes. */
export function encodeVerification(verification: Verification): Buffer {
  const record = Buffer.alloc(RECORD_LENGTH)
  record.set(verification.chainDigest)
  record.writeDoubleLE(verification.verifiedAt, VERIFIED_AT)
  record.writeDoubleLE(verification.goodFrom, GOOD_FROM)
  record.writeDoubleLE(verification.goodUntil, GOOD_UNTIL)
  record[FLAGS] = IS_VERIFICATION | (verification.isChainVerified ? IS_CHAIN_VERIFIED : 0)
  return record
}

/** Reads a record. Undefined where it is empty: the session came from outside, without a verification. */
export function decodeVerification(record: Buffer): Verification | undefined {
  const flags = record[FLAGS] ?? 0
  if ((flags & IS_VERIFICATION) === 0) return undefined
  return {
    chainDigest: Buffer.from(record.subarray(0, DIGEST_LENGTH)),
    isChainVerified: (flags & IS_CHAIN_VERIFIED) !== 0,
    verifiedAt: record.readDoubleLE(VERIFIED_AT),
    goodFrom: record.readDoubleLE(GOOD_FROM),
    goodUntil: record.readDoubleLE(GOOD_UNTIL),
  }
}

/** A clock that was put back by less than this is not taken for one that is wrong. */
const CLOCK_TOLERANCE_MS = 60_000

/** True if the verification is recent enough at this time, and no certificate or CRL has run out since. */
export function isCurrent(verification: Verification, maxAge: number, now: number): boolean {
  const { verifiedAt, goodFrom, goodUntil } = verification
  return (
    // @guard certificate-dates-and-names › reverify › *: a certificate that has expired since*
    //   ⇒ without `&& now < goodUntil`
    // @guard certificate-dates-and-names › verified-session › verified session: it is current until maxAge has passed*
    //   ⇒ without `&& now - verifiedAt <= maxAge`
    // @guard certificate-dates-and-names › verified-session › verified session: a clock that was put back makes it *
    //   ⇒ without `now >= verifiedAt - CLOCK_TOLERANCE_MS &&`
    // @guard certificate-dates-and-names › verified-session › verified session: a clock that was put back makes it *
    //   ⇒ without `&& now >= goodFrom`
    now >= verifiedAt - CLOCK_TOLERANCE_MS && now - verifiedAt <= maxAge && now >= goodFrom && now < goodUntil
  )
}

/**
 * True if one connection should verify the peer again while the others still resume. The time is between 80 and 100 % of
 * `maxAge` after the verification, and the same in all threads. So the sessions of a peer do not all end at once.
 */
export function isDueForRenewal(
  { chainDigest, verifiedAt }: Verification,
  maxAge: number,
  now: number,
): boolean {
  // Any bits that differ between verifications do: the digest's, mixed with the time.
  const fraction = ((chainDigest.readUInt32LE(0) ^ verifiedAt) >>> 0) / 2 ** 32
  return now - verifiedAt >= maxAge * (0.8 + 0.2 * fraction)
}
