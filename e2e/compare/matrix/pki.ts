/** The certificates of the matrix, made for each run. */
import '../../../fixtures/reflect-metadata.ts'

import { KeyObject, webcrypto } from 'node:crypto'
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  type JsonGeneralNames,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
} from '@peculiar/x509'

/** A certificate in PEM, with what a server sends after it, and its key. */
export interface Identity {
  cert: string
  key: string
}

/** What the ways of the matrix find in `t.pki`. */
export interface Pki {
  root: string
  unknownRoot: string
  /** Issued by the root. */
  direct: Identity
  /** Issued by an intermediate, which is sent with it. */
  chained: Identity
  otherName: Identity
  expired: Identity
  selfSigned: Identity
  client: Identity
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
const DAY = 86_400_000
const LOCAL: JsonGeneralNames = [
  { type: 'dns', value: 'localhost' },
  { type: 'ip', value: '127.0.0.1' },
  { type: 'ip', value: '::1' },
]

interface Issued extends Identity {
  name: string
  keys: webcrypto.CryptoKeyPair
}

export async function createPki(): Promise<Pki> {
  const top = await issue({ name: 'Matrix root', isAuthority: true })
  const unknown = await issue({ name: 'Unknown root', isAuthority: true })
  const intermediate = await issue({ name: 'Matrix intermediate', isAuthority: true, issuer: top })
  const chained = await issue({ name: 'chained', issuer: intermediate, names: LOCAL })
  return {
    root: top.cert,
    unknownRoot: unknown.cert,
    direct: identity(await issue({ name: 'direct', issuer: top, names: LOCAL })),
    chained: { cert: chained.cert + intermediate.cert, key: chained.key },
    otherName: identity(
      await issue({ name: 'other', issuer: top, names: [{ type: 'dns', value: 'other.example' }] }),
    ),
    expired: identity(await issue({ name: 'expired', issuer: top, names: LOCAL, until: Date.now() - DAY })),
    selfSigned: identity(await issue({ name: 'self-signed', names: LOCAL })),
    client: identity(await issue({ name: 'client', issuer: top })),
  }
}

function identity({ cert, key }: Issued): Identity {
  return { cert, key }
}

async function issue({
  name,
  issuer,
  names,
  isAuthority = false,
  until = Date.now() + 30 * DAY,
}: {
  name: string
  /** Left out: it signs itself. */
  issuer?: Issued
  names?: JsonGeneralNames
  isAuthority?: boolean
  until?: number
}): Promise<Issued> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
  const signer = issuer?.keys ?? keys
  const usage = isAuthority ? KeyUsageFlags.keyCertSign : KeyUsageFlags.digitalSignature
  const certificate = await X509CertificateGenerator.create({
    serialNumber: `4c${Buffer.from(webcrypto.getRandomValues(new Uint8Array(15))).toString('hex')}`,
    subject: [{ CN: [name] }],
    issuer: [{ CN: [issuer?.name ?? name] }],
    notBefore: new Date(Date.now() - 3 * DAY),
    notAfter: new Date(until),
    signingAlgorithm: ALGORITHM,
    publicKey: keys.publicKey,
    signingKey: signer.privateKey,
    extensions: [
      new BasicConstraintsExtension(isAuthority, undefined, true),
      new KeyUsagesExtension(usage, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
      await AuthorityKeyIdentifierExtension.create(signer.publicKey),
      ...(names ? [new SubjectAlternativeNameExtension(names)] : []),
    ],
  })
  const key = KeyObject.from(keys.privateKey).export({ type: 'pkcs8', format: 'pem' }).toString()
  return { name, keys, key, cert: `${certificate.toString('pem')}\n` }
}
