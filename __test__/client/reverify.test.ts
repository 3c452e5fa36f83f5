/** What could have changed since a session was made is checked again before it is offered. */
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import tls from 'node:tls'
import test from 'ava'
import { connect, SessionCache, sessionKey } from 'tls-resumption'
import { clock } from '../../dist/util/time.js'
import { sessionOf } from '../support/outcome.ts'
import { finish, startServer, testAuthority } from '../support/server.ts'
import { readVerified, writeVerified } from '../support/verified.ts'

for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`${maxVersion}: a certificate that has expired since is not trusted`, async t => {
    const { issue } = await testAuthority()
    const notAfter = new Date(Math.ceil(Date.now() / 1000) * 1000 + 8000)
    const shortLived = await issue({ commonName: 'localhost', usage: 'server', notAfter })
    const { port, ca } = await startServer(t, { maxVersion, ...shortLived })
    const options = { port, ca, servername: 'localhost' }
    const sessionCache = new SessionCache()
    const lenient = { ...options, rejectUnauthorized: false }
    const plain = tls.connect(options)
    const [[session]] = await Promise.all([once(plain, 'session'), finish(plain)])
    await finish(connect({ ...options, sessionCache }))
    await finish(connect({ ...lenient, sessionCache }))
    t.true((await finish(connect({ ...options, sessionCache }))).resumed)

    while (Date.now() <= notAfter.getTime()) await sleep(50)
    await sleep(1000) // OpenSSL counts whole seconds
    t.deepEqual(
      await finish(tls.connect({ ...options, session })),
      { resumed: true, authorized: true },
      'Node is fooled',
    )
    const error = await t.throwsAsync(finish(connect({ ...options, sessionCache })))
    t.is((error as NodeJS.ErrnoException).code, 'CERT_HAS_EXPIRED')
    t.deepEqual(
      await finish(connect({ ...lenient, sessionCache })),
      { resumed: false, authorized: false },
      'a lenient caller gets no resumed session either',
    )
  })

  test(`${maxVersion}: a checkServerIdentity that has changed its mind is asked again`, async t => {
    const { port, ca } = await startServer(t, { maxVersion })
    let isPinned = true
    const names: string[] = []
    const checkServerIdentity = (name: string, certificate: tls.PeerCertificate) => {
      names.push(name)
      if (certificate.subject.CN !== 'localhost') return new Error('no certificate')
      return isPinned ? undefined : new Error('no longer pinned')
    }
    const options = { port, ca, servername: 'localhost', checkServerIdentity }
    sessionKey(options) // seen once, it is not taken for one written inline
    const sessionCache = new SessionCache()
    const plain = tls.connect(options)
    const [[session]] = await Promise.all([once(plain, 'session'), finish(plain)])
    await finish(connect({ ...options, sessionCache }))
    t.true((await finish(connect({ ...options, sessionCache }))).resumed)
    t.deepEqual(names, ['localhost', 'localhost', 'localhost'])

    isPinned = false
    t.true((await finish(tls.connect({ ...options, session }))).authorized, 'Node is fooled')
    await t.throwsAsync(finish(connect({ ...options, sessionCache })), { message: 'no longer pinned' })
  })
}

for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`${maxVersion}: a strict caller does not offer a session whose chain was not verified`, async t => {
    const { port, ca } = await startServer(t, { maxVersion })
    const options = { port, ca, servername: 'localhost' }
    const lenient = { port, servername: 'localhost', rejectUnauthorized: false }
    const session = await sessionOf(lenient)
    await t.throwsAsync(finish(tls.connect({ ...options, session })), {
      code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    })
    // Nothing of this package puts it there.
    const sessionCache = new SessionCache()
    await finish(connect({ ...lenient, sessionCache }))
    const unverified = readVerified(sessionCache, sessionKey(lenient) ?? '')
    writeVerified(sessionCache, sessionKey(options) ?? '', unverified)
    t.deepEqual(await finish(connect({ ...options, sessionCache })), { resumed: false, authorized: true })
  })

  test(`${maxVersion}: a session whose certificate has another name is not offered`, async t => {
    const { issue } = await testAuthority()
    const wrongName = await issue({ commonName: 'other', dnsNames: ['other.example'], usage: 'server' })
    const { port, ca } = await startServer(t, { maxVersion, ...wrongName })
    const options = { port, ca, servername: 'localhost' }
    const permissive = { ...options, checkServerIdentity: () => undefined }
    const session = await sessionOf(permissive)
    t.true((await finish(tls.connect({ ...options, session }))).authorized, 'Node is fooled')
    const sessionCache = new SessionCache()
    await finish(connect({ ...permissive, sessionCache }))
    const misnamed = readVerified(sessionCache, sessionKey(permissive) ?? '')
    writeVerified(sessionCache, sessionKey(options) ?? '', misnamed)
    await t.throwsAsync(finish(connect({ ...options, sessionCache })), {
      code: 'ERR_TLS_CERT_ALTNAME_INVALID',
    })
  })
}

test.serial('a certificate that is not valid yet, by a clock that was put back, is not trusted', async t => {
  const { issue } = await testAuthority()
  const notBefore = new Date(Date.now() - 60_000)
  const young = await issue({ commonName: 'localhost', usage: 'server', notBefore })
  const { port, ca } = await startServer(t, young)
  const options = { port, ca, servername: 'localhost', sessionCache: new SessionCache() }
  await finish(connect(options))
  const { wall } = clock
  t.teardown(() => {
    clock.wall = wall
  })
  clock.wall = () => notBefore.getTime() - 60_000
  // OpenSSL has a clock of its own.
  t.deepEqual(await finish(connect(options)), { resumed: false, authorized: true })
  clock.wall = wall
  t.true((await finish(connect(options))).resumed)
})

test('a checkServerIdentity that throws before an offer means a full handshake', async t => {
  const { port, ca } = await startServer(t)
  let calls = 0
  const checkServerIdentity = () => {
    if (++calls === 2) throw new Error('a defect of the application')
    return undefined
  }
  const options = { port, ca, servername: 'localhost', checkServerIdentity, sessionCache: new SessionCache() }
  sessionKey(options)
  await finish(connect(options))
  t.deepEqual(await finish(connect(options)), { resumed: false, authorized: true })
  t.is(calls, 3)
})

test('a check may do what it likes to the certificate it is shown', async t => {
  const { port, ca } = await startServer(t)
  const seen: unknown[] = []
  const checkServerIdentity = (_: string, certificate: tls.PeerCertificate) => {
    seen.push(certificate.subjectaltname)
    certificate.subjectaltname = 'DNS:elsewhere'
    return undefined
  }
  const options = { port, ca, servername: 'localhost', checkServerIdentity, sessionCache: new SessionCache() }
  for (let round = 0; round < 3; round++) t.is((await finish(connect(options))).resumed, round > 0)
  t.is(new Set(seen).size, 1)
})

test('a checkServerIdentity is asked as a method of the options, as Node asks it', async t => {
  const { port, ca } = await startServer(t)
  // Not in strict mode, as much of what is CommonJS: elsewhere there is a `this`, too.
  const checkServerIdentity = new Function(
    'name',
    'certificate',
    "if (this.pin && this.pin !== certificate.subject.CN) return new Error('not pinned')",
  ) as () => undefined
  const options = { port, ca, servername: 'localhost', checkServerIdentity }
  sessionKey(options)
  const sessionCache = new SessionCache()
  const pinning = (pin: string) => connect({ ...options, sessionCache, ...{ pin } })
  await finish(pinning('localhost'))
  t.true((await finish(pinning('localhost'))).resumed)
  await t.throwsAsync(finish(pinning('another')), { message: 'not pinned' })
})
