/** The fields that a server reads of the sessions that it stores. */
import { X509Certificate } from 'node:crypto'
import test from 'ava'
import { certificateEnd } from '../../dist/server/session-der.js'
import { testAuthority } from '../support/server.ts'

// RFC 5280 section 4.1.2.5: from 2050 on a certificate has another type of time.
const ENDS = ['2031-02-28T12:34:56Z', '2049-12-31T23:59:59Z', '2050-01-01T00:00:00Z', '9999-12-31T23:59:59Z']

for (const end of ENDS) {
  test(`the end of a certificate is read as OpenSSL reads it: ${end}`, async t => {
    const { issue } = await testAuthority()
    const { cert } = await issue({ commonName: 'client', usage: 'client', notAfter: new Date(end) })
    const certificate = new X509Certificate(cert)
    const before = Buffer.from('other fields')
    const session = Buffer.concat([before, certificate.raw, Buffer.from('more fields')])
    t.is(certificateEnd(session, before.length), Date.parse(certificate.validTo))
    t.is(certificateEnd(session, before.length), Date.parse(end))
  })
}

test('the end of a certificate is NaN where it cannot be read', async t => {
  const { issue } = await testAuthority()
  const { cert } = await issue({ commonName: 'client', usage: 'client' })
  const { raw } = new X509Certificate(cert)
  t.false(Number.isNaN(certificateEnd(raw, 0)))
  t.is(certificateEnd(raw, 1), Number.NaN)
  t.is(certificateEnd(raw.subarray(0, 100), 0), Number.NaN)
  t.is(certificateEnd(Buffer.alloc(0), 0), Number.NaN)
  // The times have a letter for their zone, which has to be Z.
  const other = Buffer.from(raw)
  for (let at = other.indexOf('Z', 0, 'latin1'); at >= 0; at = other.indexOf('Z', at + 1, 'latin1')) {
    if (other[at - 13] === 13) other[at] = 0x41
  }
  t.is(certificateEnd(other, 0), Number.NaN)
})
