/** A session by ID is resumed only by servers of the same identity that trust the same clients. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import tls from 'node:tls'
import test, { type ExecutionContext } from 'ava'
import { connect, resumeSessions, type ServerMessage, SessionCache, TicketKeys } from 'tls-resumption'
import { createAuthority } from '../../fixtures/certificates.ts'
import { outcome, sessionOf } from '../support/outcome.ts'
import { finish, SSL_OP_NO_TICKET, startServer, testAuthority } from '../support/server.ts'

const WITH_IDS: tls.TlsOptions = { maxVersion: 'TLSv1.2', secureOptions: SSL_OP_NO_TICKET }

interface ServerInternals {
  _sharedCreds: { context: { setSessionIdContext(context: string): void } }
}

/** Starts a server whose sessions the cache keeps. */
async function startKeeping(t: ExecutionContext, sessionCache: SessionCache, options: tls.TlsOptions = {}) {
  const started = await startServer(t, { ...WITH_IDS, ...options })
  resumeSessions(started.server, { sessionCache })
  return started
}

async function issueFor(...dnsNames: string[]) {
  return (await testAuthority()).issue({ commonName: 'server', dnsNames, usage: 'server' })
}

test('identity: a session of one name is not resumed by a server of another name', async t => {
  const sessionCache = new SessionCache()
  const one = await startKeeping(t, sessionCache, await issueFor('a.example'))
  const other = await startKeeping(t, sessionCache, await issueFor('b.example'))
  const options = { ca: one.ca, servername: 'a.example' }
  const session = await sessionOf({ ...options, port: one.port })
  t.true((await outcome(tls.connect({ ...options, port: one.port, session }))).resumed)
  // An attacker on the path may lead the client there.
  const { refused } = await outcome(tls.connect({ ...options, port: other.port, session }))
  t.is(refused, 'ERR_TLS_CERT_ALTNAME_INVALID')
  t.is(other.handshakes.resumed, 0)
})

test('identity: servers of different names share no sessions through the default cache', async t => {
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

test('identity: servers that differ in one of several names share no sessions', async t => {
  const sessionCache = new SessionCache()
  const one = await startKeeping(t, sessionCache, await issueFor('a.example', 'b.example'))
  const other = await startKeeping(t, sessionCache, await issueFor('a.example'))
  const options = { ca: one.ca, servername: 'a.example' }
  const session = await sessionOf({ ...options, port: one.port })
  t.false((await outcome(tls.connect({ ...options, port: other.port, session }))).resumed)
})

test('identity: a renewed certificate with the same names keeps the sessions, in place and at other servers', async t => {
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

/** Returns the sessionIdContext of a server with these properties, after a ring was attached to it. */
function contextOf(properties: object, byName = false): string {
  const server = tls.createServer()
  if (byName) server.addContext('a.example', {})
  Object.assign(server, properties)
  const { context } = (server as unknown as ServerInternals)._sharedCreds
  let captured = ''
  context.setSessionIdContext = given => {
    captured = given
  }
  const keys = new TicketKeys()
  keys.attach(server)
  keys[Symbol.dispose]()
  return captured
}

/** The options that decide which clients a server trusts. */
const TRUST: Record<string, unknown> = {
  rejectUnauthorized: false,
  ca: 'CA',
  crl: 'CRL',
  pfx: Buffer.from('PFX'),
  sigalgs: 'ecdsa_secp256r1_sha256',
  allowPartialTrustChain: true,
}

for (const [option, value] of Object.entries(TRUST)) {
  test(`identity: ${option} changes the sessionIdContext with requestCert`, t => {
    const changed = contextOf({ requestCert: true, [option]: value })
    t.is(changed.length, 32)
    t.not(changed, contextOf({ requestCert: true }))
    t.is(changed, contextOf({ requestCert: true, [option]: value }), 'equal values give equal contexts')
  })

  test(`identity: ${option} does not change the sessionIdContext without requestCert`, t => {
    t.is(contextOf({ [option]: value }), contextOf({}))
  })
}

for (const [option, value] of Object.entries({
  requestCert: true,
  cert: 'CERT',
  sessionIdContext: 'tenant',
})) {
  test(`identity: ${option} changes the sessionIdContext`, t => {
    t.not(contextOf({ [option]: value }), contextOf({}))
    t.is(contextOf({ [option]: value }), contextOf({ [option]: value }))
  })
}

/** Settings that Node.js alone does not bind sessions to either. */
const NOT_TRUST: Record<string, unknown> = {
  ciphers: 'ECDHE-ECDSA-AES128-SHA',
  dhparam: 'auto',
  ecdhCurve: 'P-384',
  maxVersion: 'TLSv1.2',
  minVersion: 'TLSv1.3',
  secureOptions: 1,
  secureProtocol: 'TLSv1_2_method',
  sessionTimeout: 300,
  honorCipherOrder: true,
}

for (const [option, value] of Object.entries(NOT_TRUST)) {
  test(`identity: ${option} does not change the sessionIdContext`, t => {
    for (const requestCert of [false, true]) {
      t.is(contextOf({ requestCert, [option]: value }), contextOf({ requestCert }))
    }
  })
}

test('identity: contexts by name do not change the sessionIdContext', t => {
  t.is(contextOf({}, true), contextOf({}))
})

test('identity: an explicit sessionIdContext stands for the names in the certificate', async t => {
  const [a, b] = [await issueFor('a.example'), await issueFor('b.example')]
  t.not(contextOf(a), contextOf(b))
  t.is(contextOf({ ...a, sessionIdContext: 'fleet' }), contextOf({ ...b, sessionIdContext: 'fleet' }))
})

test('identity: with an explicit sessionIdContext, client CAs still count', t => {
  const strict = { requestCert: true, sessionIdContext: 'fleet' }
  t.not(contextOf({ ...strict, ca: 'one CA' }), contextOf({ ...strict, ca: 'another CA' }))
})

test('identity: the issuer, the dates and the order of the names do not count', async t => {
  const other = await createAuthority({ algorithm: 'ecdsa', name: 'Other authority' })
  const names = ['a.example', 'b.example']
  const one = await issueFor(...names)
  const renewed = await other.issue({ commonName: 'server', dnsNames: names.reverse(), usage: 'server' })
  t.is(contextOf(one), contextOf(renewed))
})

test('identity: the names of a certificate in a PKCS #12 file count', async t => {
  const contexts: string[] = []
  for (const name of ['a.example', 'b.example']) {
    const { cert, key } = await issueFor(name)
    const server = tls.createServer({ cert, key })
    // A server that was made from a PKCS #12 file has the certificate only in its native context.
    Reflect.deleteProperty(server, 'cert')
    const { context } = (server as unknown as ServerInternals)._sharedCreds
    context.setSessionIdContext = given => contexts.push(given)
    new TicketKeys().attach(server)
  }
  t.is(new Set(contexts).size, 2)
})

class Bundle {
  buf: Buffer
  passphrase = 'x'
  constructor(content: string) {
    this.buf = Buffer.from(content)
  }
}

test('identity: an entry of pfx counts by its content, whatever class it is of', t => {
  const strict = (content: string) => ({ requestCert: true, pfx: [new Bundle(content)] })
  t.is(contextOf(strict('one')), contextOf(strict('one')))
  t.not(contextOf(strict('one')), contextOf(strict('another')))
})

test('identity: a value without content makes a server equal to no other', t => {
  const ca = [new Bundle('CA')]
  t.is(contextOf({ requestCert: true, ca }).length, 32)
  t.not(contextOf({ requestCert: true, ca }), contextOf({ requestCert: true, ca }))
})

test('identity: a client CA that setSecureContext removes lets no client of it in', async t => {
  const [kept, removed] = [await testAuthority(), await createAuthority({ algorithm: 'ecdsa' })]
  const client = await removed.issue({ commonName: 'client', usage: 'client' })
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    for (const secureOptions of [0, SSL_OP_NO_TICKET]) {
      const enter = async (isOurs: boolean) => {
        const identity = await issueFor('localhost')
        const options = { ...identity, requestCert: true, maxVersion: version, secureOptions }
        // Opaque, as an instance of a class: what is trusted is then not known to be the same.
        const opaque = { crl: undefined, sigalgs: new Bundle('opaque') as never }
        const { server, port, ca, handshakes } = await startServer(t, { ...options, ca: removed.cert })
        if (isOurs) {
          Object.assign(server, opaque)
          resumeSessions(server, { sessionCache: new SessionCache() })
          new TicketKeys().attach(server)
        }
        const dial = { port, ca, servername: 'localhost', ...client }
        const session = await lastSession(dial)
        server.setSecureContext({ ...options, ca: kept.cert })
        await outcome(tls.connect({ ...dial, session }))
        return handshakes.resumed
      }
      t.is(await enter(false), 0)
      t.is(await enter(true), 0, version)
    }
  }
})

/** Connects, and returns the last session that came. */
async function lastSession(options: tls.ConnectionOptions): Promise<Buffer | undefined> {
  const socket = tls.connect(options)
  let session: Buffer | undefined
  socket.on('session', made => {
    session = made
  })
  await finish(socket)
  return session
}

test('binding: requestCert that is switched on later counts for earlier sessions', async t => {
  const { cert, issue } = await testAuthority()
  const { server, port, ca, handshakes } = await startKeeping(t, new SessionCache(), { ca: cert })
  const options = { port, ca, servername: 'localhost' }
  const session = await sessionOf(options)
  t.true((await finish(tls.connect({ ...options, session }))).resumed)
  Object.assign(server, { requestCert: true })
  await outcome(tls.connect({ ...options, session }))
  t.deepEqual(handshakes, { full: 1, resumed: 1 }, 'a client without a certificate is refused')

  const client = await issue({ commonName: 'client', usage: 'client' })
  t.false((await finish(tls.connect({ ...options, ...client, session }))).resumed)
  t.deepEqual(handshakes, { full: 2, resumed: 1 }, 'a client with one is asked for it')
  const verified = { ...options, ...client, sessionCache: new SessionCache() }
  // The first connection may have begun under the old context.
  for (let round = 0; round < 3; round++) await finish(connect(verified))
  t.true((await finish(connect(verified))).resumed, 'sessions are stored as before')
})

test('binding: sessions from before contexts by name are not resumed with requestCert', async t => {
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
  t.deepEqual(
    reasons.slice(-3),
    ['session-id-hit', 'ambiguous-client-trust', 'ambiguous-client-trust'],
    'nothing is looked up',
  )
  t.is(sessionCache.stats().sets, 1, 'nothing is stored from then on')
})

test('binding: contexts by name, then requestCert, end the resumption of earlier sessions', async t => {
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

test('binding: a server with a pskCallback stores no sessions', async t => {
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
