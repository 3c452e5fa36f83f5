/** A ticket proves no more than the handshake it came from: what Node alone lets through, and we do not. */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import tls from 'node:tls'
import test, { type ExecutionContext } from 'ava'
import { resumeSessions, TicketKeys } from 'tls-resumption'
import { createAuthority, type Identity } from '../../fixtures/certificates.ts'

const VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const

/** The last versions of Node known to be fooled, one of each major. What is shown of those holds for no later one. */
const FOOLED_UP_TO = {
  names: ['20.20.2', '22.23.3', '24.21.0', '26.10.0'],
  demanding: ['20.20.2', '22.23.3'],
}

/** Whether the version is of this Node's major, and not older. */
function isThisOrLater(version: string): boolean {
  const numbers = (text: string) => text.split('.').map(Number) as [number, number, number]
  const [[major, minor, patch], [thisMajor, thisMinor, thisPatch]] = [
    numbers(version),
    numbers(process.versions.node),
  ]
  return major === thisMajor && (minor > thisMinor || (minor === thisMinor && patch >= thisPatch))
}

interface Verdict {
  resumed: boolean
  authorized: boolean
}

/** A server that writes down what it thinks of each client. */
async function listen(t: ExecutionContext, options: tls.TlsOptions, prepare?: (server: tls.Server) => void) {
  const verdicts: Verdict[] = []
  const server = tls.createServer(options, socket => {
    verdicts.push({ resumed: socket.isSessionReused(), authorized: socket.authorized })
    socket.on('error', () => {})
    socket.end('!')
  })
  server.on('tlsClientError', () => {})
  prepare?.(server)
  t.teardown(() => server.close())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return { server, verdicts, port: (server.address() as AddressInfo).port }
}

/** Connects with a session and returns the new session; undefined if the handshake failed. */
async function visit(port: number, options: tls.ConnectionOptions): Promise<Buffer | undefined> {
  let session: Buffer | undefined
  const socket = tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options })
  socket.on('session', latest => {
    session = latest
  })
  socket.on('error', () => {})
  socket.resume()
  await new Promise(resolve => socket.once('close', resolve))
  return session
}

/** Two names at one server, each with clients of its own. */
async function twoTenants(version: tls.SecureVersion) {
  const [a, b] = [
    await createAuthority({ algorithm: 'ecdsa' }),
    await createAuthority({ algorithm: 'ecdsa' }),
  ]
  const client = await a.issue({ commonName: 'client of a', usage: 'client' })
  const identity = (name: string) => a.issue({ commonName: name, dnsNames: [name], usage: 'server' })
  const first = await identity('a.example')
  const contexts = {
    'a.example': tls.createSecureContext({ ...first, ca: a.cert }),
    'b.example': tls.createSecureContext({ ...(await identity('b.example')), ca: b.cert }),
  }
  const options: tls.TlsOptions = {
    ...first,
    ca: a.cert,
    requestCert: true,
    rejectUnauthorized: false,
    minVersion: version,
    maxVersion: version,
    SNICallback: (name, answer) => answer(null, contexts[name as keyof typeof contexts]),
  }
  return { options, client }
}

for (const version of VERSIONS) {
  test(`${version}: a ticket of one name's client authorizes at another name with Node alone, not with us`, async t => {
    const { options, client } = await twoTenants(version)
    const fooled = await confuse(t, options, client)
    if (FOOLED_UP_TO.names.some(isThisOrLater)) t.deepEqual(fooled, { resumed: true, authorized: true })
    else t.log('this version of Node is not known to be fooled')
    const guarded = await confuse(t, options, client, server => new TicketKeys().attach(server))
    t.deepEqual(guarded, { resumed: false, authorized: false })
    // A server that only uses resumeSessions still has Node's own tickets.
    const withIds = await confuse(t, options, client, server => resumeSessions(server))
    t.deepEqual(withIds, { resumed: false, authorized: false })
  })
}

/** What the server thinks, at name b, of a client that only name a trusts, and that has a ticket of name a. */
async function confuse(
  t: ExecutionContext,
  options: tls.TlsOptions,
  client: Identity,
  prepare?: (server: tls.Server) => void,
): Promise<Verdict | undefined> {
  const { port, verdicts } = await listen(t, options, prepare)
  const ticket = await visit(port, { servername: 'a.example', ...client })
  t.deepEqual(verdicts[0], { resumed: false, authorized: true })
  // Raw, and not through Node's name check: an attacker is not bound to it.
  await visit(port, { servername: 'b.example', ...client, session: unwrapped(ticket) })
  return verdicts[1]
}

/** Without the server name that Node binds a session to. */
function unwrapped(session: Buffer | undefined): Buffer | undefined {
  const marker = Buffer.from('\0nodejs:tls:session:1\0')
  if (!session?.subarray(0, marker.length).equals(marker)) return session
  const bare = session.subarray(marker.length + 2 + session.readUInt16BE(marker.length))
  // As plain bytes, which Node takes as they are.
  return Uint8Array.from(bare) as Buffer
}

test('a TLS 1.3 ticket of a client without a certificate does not resume where one is required', async t => {
  const authority = await createAuthority({ algorithm: 'ecdsa' })
  const identity = await authority.issue({ commonName: 'localhost', usage: 'server' })
  const key = Buffer.from(Array.from({ length: 48 }, (_, index) => index))
  const open = { ...identity, minVersion: 'TLSv1.3' } as const
  const strict = { ...open, ca: authority.cert, requestCert: true, rejectUnauthorized: true }
  const enter = async (prepare: (server: tls.Server) => void): Promise<Verdict[]> => {
    const lenient = await listen(t, open, prepare)
    const demanding = await listen(t, strict, prepare)
    const session = await visit(lenient.port, { servername: 'localhost' })
    t.is(lenient.verdicts.length, 1)
    await visit(demanding.port, { servername: 'localhost', session })
    return demanding.verdicts
  }
  const alone = await enter(server => server.setTicketKeys(key))
  if (FOOLED_UP_TO.demanding.some(isThisOrLater)) t.deepEqual(alone, [{ resumed: true, authorized: true }])
  else t.log('this version of Node is not known to let it in')
  t.deepEqual(await enter(server => new TicketKeys({ name: t.title }).attach(server)), [])
})

test('a client without a certificate is no more authorized when it resumes, where certificates are optional', async t => {
  const authority = await createAuthority({ algorithm: 'ecdsa' })
  const identity = await authority.issue({ commonName: 'localhost', usage: 'server' })
  const client = await authority.issue({ commonName: 'client', usage: 'client' })
  const optional = { ...identity, ca: authority.cert, requestCert: true, rejectUnauthorized: false }
  const twice = async (options: tls.ConnectionOptions, prepare?: (server: tls.Server) => void) => {
    const { port, verdicts } = await listen(t, optional, prepare)
    const session = await visit(port, { servername: 'localhost', ...options })
    await visit(port, { servername: 'localhost', ...options, session })
    return verdicts
  }
  const alone = await twice({})
  if (FOOLED_UP_TO.demanding.some(isThisOrLater)) t.deepEqual(alone[1], { resumed: true, authorized: true })
  else t.log('this version of Node is not known to let it in')
  for (const prepare of [
    (server: tls.Server) => new TicketKeys().attach(server),
    (server: tls.Server) => resumeSessions(server),
  ]) {
    const [full, resumed] = await twice({}, prepare)
    t.deepEqual(
      [full, resumed],
      [
        { resumed: false, authorized: false },
        { resumed: true, authorized: false },
      ],
    )
    const verdicts = await twice(client, prepare)
    t.deepEqual(verdicts, [
      { resumed: false, authorized: true },
      { resumed: true, authorized: true },
    ])
  }
})

test('contexts by name that come after all else count from the next connection on', async t => {
  const { options, client } = await twoTenants('TLSv1.2')
  const { SNICallback, ...withoutNames } = options
  const [a, b] = await Promise.all(
    ['a.example', 'b.example'].map(
      name =>
        new Promise<tls.SecureContext>((resolve, reject) =>
          SNICallback?.(name, (error, context) => (context ? resolve(context) : reject(error))),
        ),
    ),
  )
  const addLater = async (prepare: (server: tls.Server) => void) => {
    const { server, port, verdicts } = await listen(t, withoutNames, prepare)
    server.addContext('a.example', a as tls.SecureContext)
    // One that offers TLS 1.3 brings an id, and has us look sooner.
    const old = { ...client, maxVersion: 'TLSv1.2' } as const
    const early = await visit(port, { servername: 'a.example', ...old })
    server.addContext('b.example', b as tls.SecureContext)
    await visit(port, { servername: 'b.example', ...old, session: unwrapped(early) })
    return verdicts[1]
  }
  const alone = await addLater(() => {})
  if (FOOLED_UP_TO.names.some(isThisOrLater)) t.deepEqual(alone, { resumed: true, authorized: true })
  const refused = { resumed: false, authorized: false }
  t.deepEqual(await addLater(server => new TicketKeys().attach(server)), refused)
  t.deepEqual(await addLater(server => resumeSessions(server)), refused)
})

test('a server that comes to demand certificates takes none for given from its next connection on', async t => {
  const authority = await createAuthority({ algorithm: 'ecdsa' })
  const identity = await authority.issue({ commonName: 'localhost', usage: 'server' })
  for (const prepare of [
    (server: tls.Server) => new TicketKeys().attach(server),
    (server: tls.Server) => resumeSessions(server),
  ]) {
    const { server, port, verdicts } = await listen(t, { ...identity, ca: authority.cert }, prepare)
    const session = await visit(port, { servername: 'localhost' })
    t.deepEqual(verdicts, [{ resumed: false, authorized: false }])
    Object.assign(server, { requestCert: true })
    await visit(port, { servername: 'localhost', session })
    t.is(verdicts.length, 1)
  }
})

test('a ticket of one server name does not resume at a server of another one', async t => {
  const authority = await createAuthority({ algorithm: 'ecdsa' })
  const server = async (name: string, prepare: (server: tls.Server) => void) =>
    listen(
      t,
      { ...(await authority.issue({ commonName: name, dnsNames: [name], usage: 'server' })) },
      prepare,
    )
  const cross = async (prepare: (server: tls.Server) => void) => {
    const [a, b] = [await server('a.example', prepare), await server('b.example', prepare)]
    const session = await visit(a.port, { servername: 'a.example' })
    await visit(b.port, { servername: 'a.example', session })
    return b.verdicts[0]?.resumed
  }
  const key = Buffer.from(Array.from({ length: 48 }, (_, index) => index))
  t.true(await cross(tls => tls.setTicketKeys(key)))
  t.false(await cross(tls => new TicketKeys({ name: t.title }).attach(tls)))
})

test('a modified ticket does not resume', async t => {
  const authority = await createAuthority({ algorithm: 'ecdsa' })
  const identity = await authority.issue({ commonName: 'localhost', usage: 'server' })
  const keys = new TicketKeys()
  const { port, verdicts } = await listen(t, { ...identity, maxVersion: 'TLSv1.2' }, server =>
    keys.attach(server),
  )
  const session = unwrapped(await visit(port, { servername: 'localhost' }))
  if (session === undefined) return t.fail('no session came')
  const ticket = ticketIn(session)
  for (const at of [0, 15, 16, 40, ticket.length - 1]) {
    const bad = Uint8Array.from(session) as Buffer
    const place = Buffer.from(session).indexOf(ticket) + at
    bad[place] = (bad[place] ?? 0) ^ 1
    await visit(port, { servername: 'localhost', session: bad })
  }
  t.deepEqual(
    verdicts.map(({ resumed }) => resumed),
    [false, false, false, false, false, false],
  )
  await visit(port, { servername: 'localhost', session })
  t.true(verdicts.at(-1)?.resumed)
})

/** The ticket: the longest octet string of the session, which ends before its last few fields. */
function ticketIn(session: Uint8Array): Buffer {
  // [10] EXPLICIT OCTET STRING, of 128 to 255 bytes or longer.
  const bytes = Buffer.from(session)
  for (let at = 0; at < bytes.length - 6; at++) {
    if (bytes[at] !== 0xaa) continue
    const [outer, start] = lengthAt(bytes, at + 1)
    if (bytes[start] !== 0x04) continue
    const [inner, content] = lengthAt(bytes, start + 1)
    if (content + inner === start + outer && inner > 100) return bytes.subarray(content, content + inner)
  }
  throw new Error('a session without a ticket')
}

/** A DER length, and where it ends. */
function lengthAt(bytes: Buffer, at: number): [number, number] {
  const first = bytes[at] ?? 0
  if (first < 0x80) return [first, at + 1]
  const count = first & 0x7f
  return [count <= 4 ? bytes.readUIntBE(at + 1, Math.max(1, count)) : 0, at + 1 + count]
}
