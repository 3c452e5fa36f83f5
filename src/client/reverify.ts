import { X509Certificate } from 'node:crypto'
import tls from 'node:tls'
import { isBuiltin } from '../node/builtin-functions.js'
import { factsOf } from '../session/session-info.js'
import { LruMap } from '../util/lru-map.js'
import { wallClock } from '../util/time.js'

type CheckServerIdentity = NonNullable<tls.ConnectionOptions['checkServerIdentity']>

/** How a connection would verify its peer in a full handshake, as far as that can be done again. */
export interface Verification {
  /** Whether an unauthorized peer ends the connection. */
  strict: boolean
  /** The name the peer has to prove. */
  hostname: string
  checkServerIdentity: CheckServerIdentity
  /** What Node calls that on. */
  options: tls.ConnectionOptions
}

interface Leaf {
  certificate: X509Certificate
  validFrom: number
  validTo: number
  /** The verdict of Node's own check for names that were asked about. */
  byName: LruMap<string, boolean>
}

/** Parsing and checking cost some 100 µs, and a peer's leaf is the same until it is renewed. */
const leaves = new LruMap<string, Leaf>(1000)
const MAX_NAMES = 100

/** A session that may be offered. */
export interface Trusted {
  /** The certificate in it. */
  leaf: X509Certificate
  /** On the wire. */
  version: number
}

/**
 * Whether a full handshake would still authorize the peer of this session: the certificate in it is
 * valid now, and for the name, and the caller's own check has no objection. Its chain was verified when
 * the session was made; what could have changed about that is in the key.
 *
 * @returns undefined where it would not.
 */
export function stillTrusted(session: Buffer, verification: Verification): Trusted | undefined {
  const facts = factsOf(session)
  if (facts === undefined || facts.leafStart === facts.leafEnd) return undefined
  try {
    const leaf = leafOf(session.subarray(facts.leafStart, facts.leafEnd))
    // Kept under a key that says unverified: a resumption reports the peer as unauthorized, as it should.
    const isTrusted = facts.verified ? isValid(leaf) && isNamed(leaf, verification) : !verification.strict
    return isTrusted ? { leaf: leaf.certificate, version: facts.version } : undefined
  } catch {
    // No certificate that Node can read, or a check that threw: in doubt, a full handshake decides.
    return undefined
  }
}

function isValid({ validFrom, validTo }: Leaf): boolean {
  const now = wallClock()
  return validFrom <= now && now <= validTo
}

function leafOf(der: Buffer): Leaf {
  // As text, byte by byte: that takes less time than a digest. A use would keep the new text in the place of the old one.
  const text = der.toString('latin1')
  let leaf = leaves.peek(text)
  if (leaf === undefined) {
    const certificate = new X509Certificate(der)
    leaf = {
      certificate,
      validFrom: Date.parse(certificate.validFrom),
      validTo: Date.parse(certificate.validTo),
      byName: new LruMap(MAX_NAMES),
    }
    leaves.set(text, leaf)
  }
  return leaf
}

function isNamed(leaf: Leaf, { hostname, checkServerIdentity, options }: Verification): boolean {
  // A fresh object each time: what a check does to it is its own affair.
  const check = () => {
    const certificate = leaf.certificate.toLegacyObject() as tls.PeerCertificate
    return checkServerIdentity.call(options, hostname, certificate) === undefined
  }
  if (checkServerIdentity !== pureCheck) return check()
  let isNamed = leaf.byName.get(hostname)
  if (isNamed === undefined) {
    isNamed = check()
    leaf.byName.set(hostname, isNamed)
  }
  return isNamed
}

/**
 * Node's own check, whose verdict depends on nothing but its arguments and can be remembered. What some
 * package has put in its place could judge otherwise tomorrow.
 */
const pureCheck = isBuiltin(tls.checkServerIdentity) ? tls.checkServerIdentity : undefined
