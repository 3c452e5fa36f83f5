/** Writes certificates for the smoke test as files, because imitated platforms may not be able to make them. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import '../../lib/typescript.mjs'

/** Writes ca.pem, cert.pem and key.pem for a server with these names. */
export async function writeCertificates(directory, dnsNames = ['localhost']) {
  const { createAuthority } = await import('../../../fixtures/certificates.ts')
  const authority = await createAuthority({ algorithm: 'ecdsa' })
  const { cert, key } = await authority.issue({ usage: 'server', commonName: 'localhost', dnsNames })
  for (const [name, pem] of Object.entries({ ca: authority.cert, cert, key })) {
    writeFileSync(join(directory, `${name}.pem`), pem)
  }
}
