/**
 * Certificate chains with intermediates, of any kind of key that Node.js can sign with. `fixtures/certificates.ts` has
 * neither intermediates nor ML-DSA.
 */
import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'

export interface Chain {
  name: string
  /** The leaf and its intermediates in PEM. */
  cert: string
  key: string
  /** The root in PEM. */
  ca: string
}

interface Kind {
  keys: () => { publicKey: KeyObject; privateKey: KeyObject }
  /** Content of the signature's AlgorithmIdentifier: an object identifier, and a NULL for RSA. */
  signature: Buffer
  digest: string | null
}

/** Node's types do not have ML-DSA yet. */
type AnyKeyType = (type: string, options?: object) => ReturnType<Kind['keys']>
const generate = generateKeyPairSync as unknown as AnyKeyType

const KINDS: Record<string, Kind> = {
  'ECDSA P-256': {
    keys: () => generate('ec', { namedCurve: 'P-256' }),
    signature: oid('1.2.840.10045.4.3.2'),
    digest: 'sha256',
  },
  'RSA 4096': {
    keys: () => generate('rsa', { modulusLength: 4096 }),
    signature: Buffer.concat([oid('1.2.840.113549.1.1.11'), der(0x05, Buffer.alloc(0))]),
    digest: 'sha256',
  },
  'ML-DSA-65': { keys: () => generate('ml-dsa-65'), signature: oid('2.16.840.1.101.3.4.3.18'), digest: null },
}

/** Returns the chains that this Node.js can make: ML-DSA needs OpenSSL 3.5. */
export function chains(): Chain[] {
  return [chain('ECDSA P-256', 0), chain('RSA 4096', 2), ...(hasMlDsa() ? [chain('ML-DSA-65', 2)] : [])]
}

function hasMlDsa(): boolean {
  try {
    generate('ml-dsa-65')
    return true
  } catch {
    return false
  }
}

function chain(kindName: string, intermediates: number): Chain {
  const kind = KINDS[kindName] as Kind
  const certificates: string[] = []
  let issuer = { name: 'Root', keys: kind.keys() }
  const ca = certificate(kind, issuer, issuer, true)
  for (let n = 1; n <= intermediates + 1; n++) {
    const isLeaf = n > intermediates
    const subject = { name: isLeaf ? 'localhost' : `Intermediate ${n}`, keys: kind.keys() }
    certificates.unshift(certificate(kind, subject, issuer, !isLeaf))
    issuer = subject
  }
  return {
    name: `${kindName}, ${intermediates} intermediates`,
    cert: certificates.join(''),
    key: issuer.keys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    ca,
  }
}

interface Party {
  name: string
  keys: { publicKey: KeyObject; privateKey: KeyObject }
}

/** RFC 5280 section 4.1. */
function certificate(kind: Kind, subject: Party, issuer: Party, isAuthority: boolean): string {
  const algorithm = sequence(kind.signature)
  const now = Date.now()
  const extensions = [
    ...(isAuthority
      ? [extension('2.5.29.19', true, sequence(der(0x01, Buffer.of(0xff))))]
      : [extension('2.5.29.17', false, sequence(der(0x82, Buffer.from('localhost'))))]),
    // keyCertSign, or digitalSignature.
    extension('2.5.29.15', true, der(0x03, isAuthority ? Buffer.of(2, 0x04) : Buffer.of(7, 0x80))),
  ]
  const content = sequence(
    der(0xa0, der(0x02, Buffer.of(2))),
    der(0x02, Buffer.concat([Buffer.of(0x4c), randomBytes(15)])),
    algorithm,
    distinguishedName(issuer.name),
    sequence(time(now - 3_600_000), time(now + 30 * 86_400_000)),
    distinguishedName(subject.name),
    subject.keys.publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(...extensions)),
  )
  const signature = sign(kind.digest, content, issuer.keys.privateKey)
  const whole = sequence(content, algorithm, der(0x03, Buffer.concat([Buffer.of(0), signature])))
  const lines = whole.toString('base64').match(/.{1,64}/g) ?? []
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`
}

function extension(id: string, isCritical: boolean, value: Buffer): Buffer {
  return sequence(oid(id), ...(isCritical ? [der(0x01, Buffer.of(0xff))] : []), der(0x04, value))
}

function distinguishedName(name: string): Buffer {
  return sequence(der(0x31, sequence(oid('2.5.4.3'), der(0x0c, Buffer.from(name)))))
}

/** UTCTime. */
function time(millis: number): Buffer {
  const text = new Date(millis).toISOString().replace(/[-:T]|\.\d+/g, '')
  return der(0x17, Buffer.from(text.slice(2)))
}

function sequence(...parts: Buffer[]): Buffer {
  return der(0x30, Buffer.concat(parts))
}

function oid(text: string): Buffer {
  const [first = 0, second = 0, ...rest] = text.split('.').map(Number)
  const bytes = [40 * first + second, ...rest].flatMap(part => {
    const septets = [part % 128]
    for (let left = Math.floor(part / 128); left > 0; left = Math.floor(left / 128))
      septets.unshift((left % 128) + 128)
    return septets
  })
  return der(0x06, Buffer.from(bytes))
}

/** A type, a length in its shortest form, and a content. */
function der(type: number, content: Buffer): Buffer {
  const { length } = content
  if (length < 0x80) return Buffer.concat([Buffer.of(type, length), content])
  const octets: number[] = []
  for (let left = length; left > 0; left >>>= 8) octets.unshift(left & 0xff)
  return Buffer.concat([Buffer.of(type, 0x80 | octets.length, ...octets), content])
}
