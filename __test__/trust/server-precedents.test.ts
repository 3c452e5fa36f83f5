/** Mistakes that other servers made with sessions and tickets, each tried here. */
import { createHmac, randomBytes } from 'node:crypto'
import tls from 'node:tls'
import test from 'ava'
import { resumeSessions, SessionCache, TicketKeys } from 'tls-resumption'
import { createAuthority } from '../../fixtures/certificates.ts'
import { outcome } from '../support/outcome.ts'
import { finish, SSL_OP_NO_TICKET, startServer, testAuthority } from '../support/server.ts'

const VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const

/** Connects, and returns the last session it was given. */
async function sessionOf(options: tls.ConnectionOptions): Promise<Buffer> {
  const socket = tls.connect({ host: '127.0.0.1', servername: 'localhost', ...options })
  let session: Buffer | undefined
  socket.on('session', made => {
    session = made
  })
  await finish(socket)
  if (session === undefined) throw new Error('no session came')
  return session
}

for (const version of VERSIONS) {
  const only = { minVersion: version, maxVersion: version }

  // CVE-2025-23419 (nginx): with a cache or keys that virtual servers share, a session of a client that one of them
  // had verified passed for one that the other would have. CVE-2025-23048 (Apache httpd, TLS 1.3) is its like.
  test(`CVE-2025-23419, CVE-2025-23048: ${version}: virtual servers that share keys and a cache, and differ in their client CAs`, async t => {
    const [ours, theirs] = [await testAuthority(), await createAuthority({ algorithm: 'ecdsa' })]
    const identity = await ours.issue({ commonName: 'localhost', usage: 'server' })
    const client = await ours.issue({ commonName: 'a client of ours', usage: 'client' })
    const key = randomBytes(48)
    const enter = async (prepare: (server: tls.Server) => void) => {
      const strict = { ...only, ...identity, requestCert: true, sessionIdContext: 'shared' }
      const one = await startServer(t, { ...strict, ca: ours.cert })
      const other = await startServer(t, { ...strict, ca: theirs.cert })
      for (const { server } of [one, other]) prepare(server)
      const session = await sessionOf({ port: one.port, ca: one.ca, ...client })
      const options = { ca: one.ca, servername: 'localhost', host: '127.0.0.1', session, ...client }
      await outcome(tls.connect({ ...options, port: other.port }))
      return other.handshakes
    }
    const alone = await enter(server => server.setTicketKeys(key))
    t.deepEqual(alone, { full: 0, resumed: 1 }, 'with Node alone it enters')
    const name = t.title
    const guarded = await enter(server => {
      new TicketKeys({ name }).attach(server)
      resumeSessions(server, { sessionCache: new SessionCache({ name }) })
    })
    t.deepEqual(guarded, { full: 0, resumed: 0 })
  })
}

// CVE-2024-2511 (OpenSSL): with SSL_OP_NO_TICKET and TLS 1.3 the cache of a server grew without bounds.
test('CVE-2024-2511: clients of TLS 1.3 do not fill the cache of a server without tickets, and those of TLS 1.2 only to its bounds', async t => {
  for (const [options, most] of [
    [{ minVersion: 'TLSv1.3', secureOptions: SSL_OP_NO_TICKET }, 0],
    [{ maxVersion: 'TLSv1.2', secureOptions: SSL_OP_NO_TICKET }, 5],
  ] as const) {
    const sessionCache = new SessionCache({ max: 5 })
    const { server, port, ca, handshakes } = await startServer(t, options)
    resumeSessions(server, { sessionCache })
    for (let n = 0; n < 12; n++) {
      await finish(tls.connect({ port, host: '127.0.0.1', servername: 'localhost', ca }))
    }
    t.is(handshakes.full, 12)
    t.is(sessionCache.size, most)
  }
})

// Hebrok et al., USENIX Security 2023: servers that encrypted tickets with keys of zeros, before they had others.
test('no ticket is encrypted with zeros, whatever becomes of the ring', async t => {
  const known = randomBytes(48)
  const keys = new TicketKeys({ rotateEvery: 0, keep: 2 })
  const { server, port, ca } = await startServer(t, { maxVersion: 'TLSv1.2' })
  keys.attach(server)
  const visit = () => ticketOf({ port, ca })
  t.false(isSealedWith(await visit(), Buffer.alloc(48)), 'at first')
  keys.insert(known)
  const ticket = await visit()
  // So this would notice.
  t.true(isSealedWith(ticket, known))
  t.false(isSealedWith(ticket, Buffer.alloc(48)))
  keys.rotate()
  t.false(isSealedWith(await visit(), Buffer.alloc(48)), 'after a rotation')
  keys[Symbol.dispose]()
  const last = await visit()
  t.false(isSealedWith(last, Buffer.alloc(48)), 'after the ring is disposed of')
  t.true(isSealedWith(last, server.getTicketKeys()), "with Node's own keys then")
})

test('no ticket is encrypted before the first keys have come', async t => {
  let answer: (keys: Buffer[]) => void = () => {}
  const source = () =>
    new Promise<Buffer[]>(resolve => {
      answer = resolve
    })
  const keys = new TicketKeys({ source })
  t.teardown(() => keys[Symbol.dispose]())
  const { server, port, ca } = await startServer(t, { maxVersion: 'TLSv1.2' })
  keys.attach(server)
  t.is(await ticketOf({ port, ca }), undefined)
  const known = randomBytes(48)
  answer([known])
  await new Promise(setImmediate)
  t.true(isSealedWith(await ticketOf({ port, ca }), known))
})

/** Returns the ticket of a new TLS 1.2 connection as it was on the wire. */
async function ticketOf(options: tls.ConnectionOptions): Promise<Buffer | undefined> {
  const socket = tls.connect({ host: '127.0.0.1', servername: 'localhost', ...options })
  let ticket: Buffer | undefined
  socket.once('secureConnect', () => {
    ticket = socket.getTLSTicket()
  })
  await finish(socket)
  return ticket
}

/** Whether its MAC is of that key (RFC 5077 section 4: name, IV, state, MAC over all before). */
function isSealedWith(ticket: Buffer | undefined, key: Buffer): boolean {
  if (ticket === undefined) throw new Error('no ticket came')
  const mac = createHmac('sha256', key.subarray(16, 32)).update(ticket.subarray(0, -32)).digest()
  return mac.equals(ticket.subarray(-32))
}
