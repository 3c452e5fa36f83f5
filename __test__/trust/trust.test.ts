/**
 * A resumed handshake verifies nothing. Each test shows plain Node being led to trust, by a session made
 * under other terms, what it would have refused, and that `connect` is not.
 */
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import tls from 'node:tls'
import test from 'ava'
import { type ConnectOptions, connect, SessionCache } from 'tls-resumption'
import { createAuthority } from '../../fixtures/certificates.ts'
import { type Outcome, outcome } from '../support/outcome.ts'
import { finish, startServer, testAuthority } from '../support/server.ts'

/** What plain Node does with a session from a connection with `first` on one with `then`. */
async function plainNode(first: tls.ConnectionOptions, then: tls.ConnectionOptions): Promise<Outcome> {
  const socket = tls.connect(first)
  const [session] = await Promise.all([
    once(socket, 'session').then(([blob]) => blob as Buffer),
    finish(socket),
  ])
  return outcome(tls.connect({ ...then, session }))
}

/** The same with `connect` and one cache. */
async function ours(first: ConnectOptions, then: ConnectOptions): Promise<Outcome & { cache: SessionCache }> {
  const cache = new SessionCache()
  await outcome(connect({ ...first, sessionCache: cache }))
  return { ...(await outcome(connect({ ...then, sessionCache: cache }))), cache }
}

for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`${maxVersion}: a session made while trusting another CA does not authorize`, async t => {
    const { port, ca } = await startServer(t, { maxVersion })
    const { cert: otherCa } = await createAuthority({ algorithm: 'ecdsa', name: 'Other authority' })
    const first = { port, ca, servername: 'localhost' }
    const then = { port, ca: otherCa, servername: 'localhost' }
    t.like(await plainNode(first, then), { resumed: true, authorized: true }, 'Node is fooled')
    t.is((await ours(first, then)).refused, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE')
  })

  test(`${maxVersion}: a CA file that was replaced since, and is read again, decides`, async t => {
    const { port, ca } = await startServer(t, { maxVersion })
    const { cert: otherCa } = await createAuthority({ algorithm: 'ecdsa', name: 'Other authority' })
    const directory = mkdtempSync(join(tmpdir(), 'tls-resumption-'))
    t.teardown(() => rmSync(directory, { recursive: true }))
    const file = join(directory, 'ca.pem')
    const read = () => ({ port, ca: readFileSync(file), servername: 'localhost' })
    writeFileSync(file, ca)
    const first = read()
    const sessionCache = new SessionCache()
    const visit = (options: tls.ConnectionOptions) => outcome(connect({ ...options, sessionCache }))
    await visit(first)
    t.true((await visit(read())).resumed, 'the same content, read again')
    writeFileSync(file, otherCa)
    t.like(await plainNode(first, read()), { resumed: true, authorized: true }, 'Node is fooled')
    t.is((await visit(read())).refused, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE')
    // Into the very memory that the first one was read into, too.
    first.ca.fill(0x0a).write(otherCa)
    t.is((await visit(first)).refused, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE')
    writeFileSync(file, ca)
    t.true((await visit(read())).resumed, 'what was verified by the first one is good for it again')
  })

  test(`${maxVersion}: a session made without verification does not authorize`, async t => {
    const { issue } = await testAuthority()
    const wrongName = await issue({ commonName: 'other', dnsNames: ['other.example'], usage: 'server' })
    const { port, ca } = await startServer(t, { maxVersion, ...wrongName })
    const then = { port, ca, servername: 'localhost' }
    const first = { ...then, rejectUnauthorized: false }
    t.like(await plainNode(first, then), { resumed: true, authorized: true }, 'Node is fooled')
    t.is((await ours(first, then)).refused, 'ERR_TLS_CERT_ALTNAME_INVALID')
  })

  test(`${maxVersion}: a lenient caller resumes with a wrong name, and authorized is as after a full handshake`, async t => {
    const { issue } = await testAuthority()
    const wrongName = await issue({ commonName: 'other', dnsNames: ['other.example'], usage: 'server' })
    const { port, ca } = await startServer(t, { maxVersion, ...wrongName })
    const lenient = { port, ca, servername: 'localhost', rejectUnauthorized: false }
    t.like(await plainNode(lenient, lenient), { resumed: true, authorized: true }, 'Node is fooled')
    t.like(await ours(lenient, lenient), { resumed: true, authorized: false })
  })

  test(`${maxVersion}: a lenient caller resumes with an unknown CA, and its socket reports that`, async t => {
    const { port } = await startServer(t, { maxVersion })
    const lenient = { port, servername: 'localhost', rejectUnauthorized: false }
    t.like(await ours(lenient, lenient), { resumed: true, authorized: false })
  })

  test(`${maxVersion}: a pinning checkServerIdentity is asked about a peer met without it`, async t => {
    const { port, ca } = await startServer(t, { maxVersion })
    const first = { port, ca, servername: 'localhost' }
    let asked = 0
    const then = {
      ...first,
      checkServerIdentity: () => {
        asked++
        return new Error('not the pinned certificate')
      },
    }
    t.like(await plainNode(first, then), { resumed: true, authorized: true }, 'Node is fooled')
    t.is(asked, 0)
    t.is((await ours(first, then)).refused, 'not the pinned certificate')
    t.is(asked, 1)
  })

  test(`${maxVersion}: one client certificate's session is not used with another, or with none`, async t => {
    const { cert, issue } = await testAuthority()
    const { server, port, ca } = await startServer(t, {
      maxVersion,
      requestCert: true,
      ca: cert,
      rejectUnauthorized: false,
    })
    const seen: (string | undefined)[] = []
    server.on('secureConnection', socket =>
      seen.push(socket.getPeerCertificate()?.subject?.CN as string | undefined),
    )
    const [a, b] = await Promise.all(['A', 'B'].map(commonName => issue({ commonName, usage: 'client' })))
    const common = { port, ca, servername: 'localhost' }
    await plainNode({ ...common, ...a }, { ...common, ...b })
    await plainNode({ ...common, ...a }, common)
    t.deepEqual(seen.splice(0), ['A', 'A', 'A', 'A'], 'with plain Node the server still sees A')
    await ours({ ...common, ...a }, { ...common, ...b })
    await ours({ ...common, ...a }, common)
    t.deepEqual(seen, ['A', 'B', 'A', undefined])
  })

  test(`${maxVersion}: a session made under another server name does not authorize`, async t => {
    const { issue } = await testAuthority()
    const names = await issue({ commonName: 'a', dnsNames: ['a.example'], usage: 'server' })
    const { port, ca } = await startServer(t, { maxVersion, ...names })
    const first = { port, ca, servername: 'a.example' }
    const then = { port, ca, servername: 'b.example' }
    t.is((await ours(first, then)).refused, 'ERR_TLS_CERT_ALTNAME_INVALID')
  })

  test(`${maxVersion}: nothing is kept of a peer that was refused`, async t => {
    const { port } = await startServer(t, { maxVersion })
    const { cache, refused } = await ours(
      { port, servername: 'localhost' },
      { port, servername: 'localhost' },
    )
    t.is(refused, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE')
    t.is(cache.stats().sets, 0)
  })

  test(`${maxVersion}: nothing is kept of a connection that a session of the caller's began`, async t => {
    const { issue } = await testAuthority()
    const wrongName = await issue({ commonName: 'other', dnsNames: ['other.example'], usage: 'server' })
    const { port, ca } = await startServer(t, { maxVersion, ...wrongName })
    const strict = { port, ca, servername: 'localhost' }
    const socket = tls.connect({ ...strict, rejectUnauthorized: false })
    const [session] = await Promise.all([
      once(socket, 'session').then(([blob]) => blob as Buffer),
      finish(socket),
    ])
    const sessionCache = new SessionCache()
    t.true((await outcome(connect({ ...strict, session, sessionCache }))).resumed, 'as with tls.connect')
    t.is((await outcome(connect({ ...strict, sessionCache }))).refused, 'ERR_TLS_CERT_ALTNAME_INVALID')
  })
}

test('a failing connection under another sessionIdContext is a full handshake with us', async t => {
  // What broke reconnects in a driver: a session offered under another context than its own.
  const { port, ca } = await startServer(t)
  const first = { port, ca, servername: 'localhost', sessionIdContext: 'one' }
  const then = { ...first, sessionIdContext: 'two' }
  t.is((await plainNode(first, then)).refused, 'ERR_SSL_ATTEMPT_TO_REUSE_SESSION_IN_DIFFERENT_CONTEXT')
  t.like(await ours(first, then), { resumed: false, authorized: true, refused: undefined })
})

test('a failing connection whose cipher is no longer offered is a full handshake with us', async t => {
  const { port, ca } = await startServer(t, { maxVersion: 'TLSv1.2' })
  const first = { port, ca, servername: 'localhost', ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' }
  const then = { ...first, ciphers: 'ECDHE-ECDSA-AES256-GCM-SHA384' }
  t.truthy((await plainNode(first, then)).refused)
  t.like(await ours(first, then), { resumed: false, authorized: true, refused: undefined })
})
