/** A session by id is resumed by none but servers that are the same to the client, and as strong. */
import { constants } from 'node:crypto'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import tls from 'node:tls'
import test, { type ExecutionContext } from 'ava'
import { connect, resumeSessions, type ServerMessage, SessionCache } from 'tls-resumption'
import { createAuthority } from '../../fixtures/certificates.ts'
import { outcome, sessionOf } from '../support/outcome.ts'
import { finish, SSL_OP_NO_TICKET, startServer, testAuthority } from '../support/server.ts'

const WITH_IDS: tls.TlsOptions = { maxVersion: 'TLSv1.2', secureOptions: SSL_OP_NO_TICKET }

interface ServerInternals {
  _sharedCreds: { context: { setSessionIdContext(context: string): void } }
}

/** A server whose sessions the cache keeps. */
async function startKeeping(t: ExecutionContext, sessionCache: SessionCache, options: tls.TlsOptions = {}) {
  const started = await startServer(t, { ...WITH_IDS, ...options })
  resumeSessions(started.server, { sessionCache })
  return started
}

async function issueFor(...dnsNames: string[]) {
  return (await testAuthority()).issue({ commonName: 'server', dnsNames, usage: 'server' })
}

test('a session of one name proves nothing at a server of another name', async t => {
  const sessionCache = new SessionCache()
  const one = await startKeeping(t, sessionCache, await issueFor('a.example'))
  const other = await startKeeping(t, sessionCache, await issueFor('b.example'))
  const options = { ca: one.ca, servername: 'a.example' }
  const session = await sessionOf({ ...options, port: one.port })
  t.true((await outcome(tls.connect({ ...options, port: one.port, session }))).resumed)
  // As if somebody on the way had led the client there.
  const { refused } = await outcome(tls.connect({ ...options, port: other.port, session }))
  t.is(refused, 'ERR_TLS_CERT_ALTNAME_INVALID')
  t.is(other.handshakes.resumed, 0)
})

test('servers of different names share nothing through the default cache either', async t => {
  const [one, other] = [
    await startServer(t, { ...WITH_IDS, ...(await issueFor('a.example')) }),
    await startServer(t, { ...WITH_IDS, ...(await issueFor('b.example')) }),
  ]
  for (const { server } of [one, other]) resumeSessions(server)
  const options = { ca: one.ca, servername: 'a.example' }
  const session = await sessionOf({ ...options, port: one.port })
  await outcome(tls.connect({ ...options, port: other.port, session }))
  t.is(other.handshakes.resumed, 0)
  t.true((await outcome(tls.connect({ ...options, port: one.port, session }))).resumed)
})

test('one name among several that differs keeps the servers apart', async t => {
  const sessionCache = new SessionCache()
  const one = await startKeeping(t, sessionCache, await issueFor('a.example', 'b.example'))
  const other = await startKeeping(t, sessionCache, await issueFor('a.example'))
  const options = { ca: one.ca, servername: 'a.example' }
  const session = await sessionOf({ ...options, port: one.port })
  t.false((await outcome(tls.connect({ ...options, port: other.port, session }))).resumed)
})

test('the same name from another authority is another server', async t => {
  const sessionCache = new SessionCache()
  const others = await createAuthority({ algorithm: 'ecdsa', name: 'Other authority' })
  const impostor = await others.issue({ commonName: 'server', dnsNames: ['a.example'], usage: 'server' })
  const one = await startKeeping(t, sessionCache, await issueFor('a.example'))
  const other = await startKeeping(t, sessionCache, impostor)
  const options = { ca: one.ca, servername: 'a.example' }
  const session = await sessionOf({ ...options, port: one.port })
  const { refused } = await outcome(tls.connect({ ...options, port: other.port, session }))
  t.is(refused, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE')
})

test('a certificate renewed with the same names keeps its sessions, in place and at other servers', async t => {
  const sessionCache = new SessionCache()
  const { server, port, ca } = await startKeeping(t, sessionCache, await issueFor('a.example'))
  const options = { ca, servername: 'a.example' }
  const session = await sessionOf({ ...options, port })

  const renewed = await startKeeping(t, sessionCache, await issueFor('a.example'))
  t.true((await finish(tls.connect({ ...options, port: renewed.port, session }))).resumed)

  server.setSecureContext({ ...(WITH_IDS as tls.SecureContextOptions), ...(await issueFor('a.example')) })
  t.true((await finish(tls.connect({ ...options, port, session }))).resumed)

  server.setSecureContext({ ...(WITH_IDS as tls.SecureContextOptions), ...(await issueFor('b.example')) })
  t.is((await outcome(tls.connect({ ...options, port, session }))).refused, 'ERR_TLS_CERT_ALTNAME_INVALID')
})

/** For each setting of strength, one that a session may have been made under, and one that is not it. */
const STRENGTHS: Record<string, [tls.TlsOptions, tls.TlsOptions]> = {
  'other ciphers': [
    { ciphers: 'ECDHE-ECDSA-AES128-SHA' },
    { ciphers: 'ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-GCM-SHA384' },
  ],
  'another security level': [{ ciphers: 'DEFAULT@SECLEVEL=0' }, { ciphers: 'DEFAULT@SECLEVEL=2' }],
  'another lowest version': [{ minVersion: 'TLSv1.1' }, { minVersion: 'TLSv1.2' }],
  'another highest version': [{ maxVersion: 'TLSv1.2' }, { maxVersion: 'TLSv1.3' }],
  'other signature algorithms': [
    { sigalgs: 'ecdsa_secp256r1_sha256' },
    { sigalgs: 'ecdsa_secp256r1_sha256:ecdsa_secp384r1_sha384' },
  ],
  'other OpenSSL options': [
    {},
    { secureOptions: SSL_OP_NO_TICKET | constants.SSL_OP_NO_SESSION_RESUMPTION_ON_RENEGOTIATION },
  ],
  'other curves': [{ ecdhCurve: 'P-256' }, { ecdhCurve: 'P-256:P-384' }],
  'other parameters for Diffie-Hellman': [{}, { dhparam: 'auto' }],
}

for (const [difference, [first, then]] of Object.entries(STRENGTHS)) {
  test(`a server with ${difference} does not resume the session`, async t => {
    const sessionCache = new SessionCache()
    const one = await startKeeping(t, sessionCache, first)
    const like = await startKeeping(t, sessionCache, first)
    const other = await startKeeping(t, sessionCache, then)
    const options: tls.ConnectionOptions = {
      ca: one.ca,
      servername: 'localhost',
      maxVersion: 'TLSv1.2',
      ciphers: 'DEFAULT@SECLEVEL=0',
    }
    const session = await sessionOf({ ...options, port: one.port })
    t.true((await finish(tls.connect({ ...options, port: like.port, session }))).resumed)
    t.false((await finish(tls.connect({ ...options, port: other.port, session }))).resumed)
    t.deepEqual(other.handshakes, { full: 1, resumed: 0 })
  })
}

test('a server that only takes a strong cipher does not go on with a weak one', async t => {
  const sessionCache = new SessionCache()
  const weak = await startKeeping(t, sessionCache, { ciphers: 'ECDHE-ECDSA-AES128-SHA' })
  const strong = await startKeeping(t, sessionCache, { ciphers: 'ECDHE-ECDSA-AES256-GCM-SHA384' })
  const negotiated: string[] = []
  strong.server.on('secureConnection', socket => negotiated.push(socket.getCipher().name))
  const options = { ca: weak.ca, servername: 'localhost' }
  const session = await sessionOf({ ...options, port: weak.port })
  await outcome(
    tls.connect({
      ...options,
      port: strong.port,
      session,
      ciphers: 'ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-GCM-SHA384',
    }),
  )
  t.deepEqual(negotiated, ['ECDHE-ECDSA-AES256-GCM-SHA384'])
})

test.serial('a server that takes strong ciphers by default does not go on with a weak one', async t => {
  const sessionCache = new SessionCache()
  const { DEFAULT_CIPHERS } = tls
  t.teardown(() => {
    tls.DEFAULT_CIPHERS = DEFAULT_CIPHERS
  })
  tls.DEFAULT_CIPHERS = 'ECDHE-ECDSA-AES128-SHA'
  const weak = await startKeeping(t, sessionCache)
  tls.DEFAULT_CIPHERS = 'ECDHE-ECDSA-AES256-GCM-SHA384'
  const strong = await startKeeping(t, sessionCache)
  const ciphers = 'ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-GCM-SHA384'
  const options = { ca: weak.ca, servername: 'localhost', ciphers }
  const session = await sessionOf({ ...options, port: weak.port })
  t.false((await finish(tls.connect({ ...options, port: strong.port, session }))).resumed)
})

test('a server that limits sessions does not resume one of another that lets them live longer', async t => {
  const sessionCache = new SessionCache()
  const patient = await startKeeping(t, sessionCache)
  const strict = await startKeeping(t, sessionCache, { sessionTimeout: 300 })
  const options = { ca: patient.ca, servername: 'localhost' }
  const session = await sessionOf({ ...options, port: patient.port })
  t.false((await finish(tls.connect({ ...options, port: strict.port, session }))).resumed)
})

/** The sessionIdContext of a server with these properties. */
function contextOf(properties: object, name = 'contexts', byName = false): string {
  const server = tls.createServer()
  if (byName) server.addContext('a.example', {})
  Object.assign(server, properties)
  const { context } = (server as unknown as ServerInternals)._sharedCreds
  let captured = ''
  context.setSessionIdContext = given => {
    captured = given
  }
  resumeSessions(server, { sessionCache: new SessionCache({ name }) })[Symbol.dispose]()
  return captured
}

const CHANGED: Record<string, unknown> = {
  requestCert: true,
  rejectUnauthorized: false,
  crl: 'CRL',
  pfx: Buffer.from('PFX'),
  ciphers: 'ECDHE-ECDSA-AES128-SHA',
  dhparam: 'auto',
  ecdhCurve: 'P-384',
  maxVersion: 'TLSv1.1',
  minVersion: 'TLSv1.1',
  secureOptions: 1,
  secureProtocol: 'TLSv1_2_method',
  sessionTimeout: 300,
  sigalgs: 'ecdsa_secp256r1_sha256',
  ca: 'CA',
  cert: 'CERT',
  sessionIdContext: 'tenant',
}

for (const [option, value] of Object.entries(CHANGED)) {
  test(`${option} of a server, changed alone, changes its sessionIdContext`, t => {
    const changed = contextOf({ [option]: value })
    t.is(changed.length, 32)
    t.not(changed, contextOf({}))
    t.is(changed, contextOf({ [option]: value }), 'and the same value gives the same context')
  })
}

test('the name of the cache, and contexts by name, change the sessionIdContext', t => {
  t.is(contextOf({}), contextOf({}))
  t.not(contextOf({}), contextOf({}, 'another'))
  t.not(contextOf({}, 'contexts', true), contextOf({}))
  t.not(contextOf({}, 'contexts', true), contextOf({}, 'contexts', true), 'for they are not to be seen')
})

test('an option that cannot be written out makes a server alike to none', t => {
  class Bundle {}
  const ca = [new Bundle()]
  t.is(contextOf({ ca }).length, 32)
  t.not(contextOf({ ca }), contextOf({ ca }))
})

test('requestCert, switched on later, counts for sessions from before', async t => {
  const { cert, issue } = await testAuthority()
  const { server, port, ca, handshakes } = await startKeeping(t, new SessionCache(), { ca: cert })
  const options = { port, ca, servername: 'localhost' }
  const session = await sessionOf(options)
  t.true((await finish(tls.connect({ ...options, session }))).resumed)
  Object.assign(server, { requestCert: true })
  await outcome(tls.connect({ ...options, session }))
  t.deepEqual(handshakes, { full: 1, resumed: 1 }, 'whoever shows no certificate is refused')

  const client = await issue({ commonName: 'client', usage: 'client' })
  t.false((await finish(tls.connect({ ...options, ...client, session }))).resumed)
  t.deepEqual(handshakes, { full: 2, resumed: 1 }, 'and whoever has one is asked for it')
  const verified = { ...options, ...client, sessionCache: new SessionCache() }
  // The first of them may still have been begun under the old context.
  for (let round = 0; round < 3; round++) await finish(connect(verified))
  t.true((await finish(connect(verified))).resumed, 'and sessions are kept as before')
})

test('sessions from before contexts by name and demands for certificates are not resumed after', async t => {
  const { cert, issue } = await testAuthority()
  const client = await issue({ commonName: 'client', usage: 'client' })
  const sessionCache = new SessionCache({ name: 'from before' })
  const reasons: string[] = []
  const hear = (message: unknown) => {
    const { name, reason } = message as ServerMessage
    if (name === 'from before') reasons.push(reason)
  }
  subscribe('tls-resumption:server', hear)
  t.teardown(() => unsubscribe('tls-resumption:server', hear))
  const { server, port, ca, handshakes } = await startKeeping(t, sessionCache, {
    ca: cert,
    requestCert: true,
  })
  const options = { port, ca, servername: 'localhost', ...client }
  const session = await sessionOf(options)
  t.true((await finish(tls.connect({ ...options, session }))).resumed)
  server.addContext('b.example', { ca: cert })
  t.false((await finish(tls.connect({ ...options, session }))).resumed)
  t.deepEqual(handshakes, { full: 2, resumed: 1 })
  t.deepEqual(reasons.slice(-3), ['id-found', 'refused-by-guard', 'refused-by-guard'], 'nor looked for')
  t.is(sessionCache.stats().sets, 1, 'nor is anything kept from then on')
})

test('contexts by name, added later, count for sessions from before', async t => {
  const { server, port, ca, handshakes } = await startKeeping(t, new SessionCache())
  const options = { port, ca, servername: 'localhost' }
  const session = await sessionOf(options)
  t.true((await finish(tls.connect({ ...options, session }))).resumed)
  server.addContext('b.example', {})
  t.false((await finish(tls.connect({ ...options, session }))).resumed)
  t.deepEqual(handshakes, { full: 2, resumed: 1 })
})

test('contexts by name, then a demand for certificates, end the resumption of earlier sessions', async t => {
  const { cert, issue } = await testAuthority()
  const client = await issue({ commonName: 'client', usage: 'client' })
  const { server, port, ca, handshakes } = await startKeeping(t, new SessionCache(), { ca: cert })
  server.addContext('b.example', { ca: cert })
  const options = { port, ca, servername: 'localhost', ...client }
  await finish(tls.connect(options))
  const session = await sessionOf(options)
  t.true((await finish(tls.connect({ ...options, session }))).resumed)
  Object.assign(server, { requestCert: true })
  t.false((await finish(tls.connect({ ...options, session }))).resumed)
  t.is(handshakes.resumed, 1)
})

test('a server with pre-shared keys keeps no sessions, so that each client proves its own', async t => {
  const keys = { guest: Buffer.alloc(32, 1), admin: Buffer.alloc(32, 2) }
  const sessionCache = new SessionCache()
  const startAllowing = (allowed: string) =>
    startKeeping(t, sessionCache, {
      ciphers: 'PSK',
      pskCallback: (_, identity) => (identity === allowed ? keys[identity as 'guest'] : null),
    })
  const [guests, admins] = [await startAllowing('guest'), await startAllowing('admin')]
  const options: tls.ConnectionOptions = {
    ciphers: 'PSK',
    maxVersion: 'TLSv1.2',
    checkServerIdentity: () => undefined,
    pskCallback: () => ({ identity: 'guest', psk: keys.guest }),
  }
  const session = await sessionOf({ ...options, port: guests.port })
  t.is(sessionCache.stats().sets, 0)
  t.false((await finish(tls.connect({ ...options, port: guests.port, session }))).resumed)
  t.truthy((await outcome(tls.connect({ ...options, port: admins.port, session }))).refused)
  t.deepEqual(admins.handshakes, { full: 0, resumed: 0 })
})
