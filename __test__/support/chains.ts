/** Certificates below intermediates, with any dates, and revocation lists. */
import '../../fixtures/reflect-metadata.ts'

import { KeyObject, webcrypto } from 'node:crypto'
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  type Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
  X509CrlGenerator,
} from '@peculiar/x509'
import { padding } from '../../fixtures/certificates.ts'

/** The owner of a key pair, with the certificate that its issuer gave it. */
export interface Holder {
  name: string
  cert: string
  key: string
  keys: webcrypto.CryptoKeyPair
}

export interface HolderOptions {
  /** Left out: the certificate is self-signed. */
  issuer?: Holder
  /** A certificate for these keys, as of a cross-signed root. Left out: new keys. */
  keys?: webcrypto.CryptoKeyPair
  notBefore?: Date
  notAfter?: Date
  /** Enlarges the certificate by about this many bytes. */
  extraBytes?: number
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
const LOCAL = new SubjectAlternativeNameExtension([{ type: 'dns', value: 'localhost' }])

/** Makes a certificate of an authority that may issue others. */
export function makeAuthority(name: string, options: HolderOptions = {}): Promise<Holder> {
  const usage = KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign
  return make(name, options, [
    new BasicConstraintsExtension(true, undefined, true),
    new KeyUsagesExtension(usage, true),
  ])
}

/** Makes a certificate of a server for `localhost`. */
export function makeServer(options: HolderOptions = {}, name = 'localhost'): Promise<Holder> {
  return make(name, options, [new BasicConstraintsExtension(false, undefined, true), LOCAL])
}

async function make(name: string, options: HolderOptions, extensions: Extension[]): Promise<Holder> {
  const { issuer, notBefore = fromNow(-3_600_000), notAfter = fromNow(30 * 86_400_000) } = options
  let { keys } = options
  keys ??= (await webcrypto.subtle.generateKey(ALGORITHM, true, [
    'sign',
    'verify',
  ])) as webcrypto.CryptoKeyPair
  const signer = issuer ?? { name, keys }
  const certificate = await X509CertificateGenerator.create({
    serialNumber: `4c${Buffer.from(webcrypto.getRandomValues(new Uint8Array(15))).toString('hex')}`,
    subject: [{ CN: [name] }],
    issuer: [{ CN: [signer.name] }],
    notBefore,
    notAfter,
    signingAlgorithm: ALGORITHM,
    publicKey: keys.publicKey,
    signingKey: signer.keys.privateKey,
    extensions: [
      ...extensions,
      ...padding(options.extraBytes),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
      await AuthorityKeyIdentifierExtension.create(signer.keys.publicKey),
    ],
  })
  const key = KeyObject.from(keys.privateKey).export({ type: 'pkcs8', format: 'pem' }).toString()
  return { name, cert: `${certificate.toString('pem')}\n`, key, keys }
}

/** Makes a revocation list of the authority without entries. */
export async function makeCrl(issuer: Holder, nextUpdate?: Date): Promise<string> {
  const list = await X509CrlGenerator.create({
    issuer: `CN=${issuer.name}`,
    thisUpdate: fromNow(-60_000),
    ...(nextUpdate ? { nextUpdate } : {}),
    signingAlgorithm: ALGORITHM,
    signingKey: issuer.keys.privateKey,
    extensions: [await AuthorityKeyIdentifierExtension.create(issuer.keys.publicKey)],
  })
  // OpenSSL knows no other label.
  return list.toString('pem').replaceAll(' CRL-', ' X509 CRL-').replaceAll('X509 X509', 'X509')
}

/** A root, an intermediate, and a server that sends its own certificate and the intermediate. */
export async function makeChain(dates: { intermediate?: HolderOptions; server?: HolderOptions } = {}) {
  const root = await makeAuthority('Root')
  const intermediate = await makeAuthority('Intermediate', { ...dates.intermediate, issuer: root })
  const server = await makeServer({ ...dates.server, issuer: intermediate })
  return { root, intermediate, server, identity: { cert: server.cert + intermediate.cert, key: server.key } }
}

/** Returns the time that is this many milliseconds from now, in whole seconds as in certificates. */
export function fromNow(milliseconds: number): Date {
  return new Date(Math.ceil((Date.now() + milliseconds) / 1000) * 1000)
}
