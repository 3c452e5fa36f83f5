/** What a server sees of a resumed connection. */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import tls from 'node:tls'
import test, { type ExecutionContext } from 'ava'
import { resumeSessions, SessionCache, TicketKeys } from 'tls-resumption'
import { finish, SSL_OP_NO_TICKET, testAuthority } from '../support/server.ts'

const KINDS: Record<string, tls.TlsOptions> = {
  'TLSv1.2 with ids': { maxVersion: 'TLSv1.2', secureOptions: SSL_OP_NO_TICKET },
  'TLSv1.2 with tickets': { maxVersion: 'TLSv1.2' },
  'TLSv1.3 with tickets': { minVersion: 'TLSv1.3' },
}

interface View {
  resumed: boolean
  servername: unknown
  alpn: unknown
  client: unknown
}

for (const [kind, options] of Object.entries(KINDS)) {
  for (const byName of [false, true]) {
    const contexts = byName ? ', contexts by name' : ''
    const areIds = kind.endsWith('ids')
    test(`${kind}${contexts}: socket: a resumed connection shows its server what a full handshake shows`, async t => {
      const ours = await views(t, options, byName, server => {
        resumeSessions(server, { sessionCache: new SessionCache(), uniformClientTrust: true })
        new TicketKeys().attach(server, { uniformClientTrust: true })
      })
      const plain = await views(t, options, byName, areIds ? keepByHand : () => {})
      const [full, resumed] = ours
      t.deepEqual([full?.resumed, resumed?.resumed], [false, true])
      t.deepEqual([resumed?.alpn, resumed?.client], [full?.alpn, full?.client])
      t.is(full?.servername, 'localhost')
      // With Node alone it depends on the version whether a TLS 1.2 session has a server name.
      t.is(resumed?.servername, areIds ? 'localhost' : plain[1]?.servername)
      t.deepEqual({ ...resumed, servername: undefined }, { ...plain[1], servername: undefined })
    })
  }
}

test('socket: a session without a server name is resumed without one', async t => {
  const ours = await views(
    t,
    KINDS['TLSv1.2 with ids'] ?? {},
    false,
    server => resumeSessions(server, { sessionCache: new SessionCache() }),
    '',
  )
  t.deepEqual(
    ours.map(({ resumed, servername }) => [resumed, servername]),
    [
      [false, false],
      [true, false],
    ],
  )
})

/** Returns what the server sees of a full handshake and of a resumed one. */
async function views(
  t: ExecutionContext,
  options: tls.TlsOptions,
  byName: boolean,
  prepare: (server: tls.Server) => void,
  servername = 'localhost',
): Promise<View[]> {
  const { cert: ca, issue } = await testAuthority()
  const identity = await issue({ commonName: 'localhost', usage: 'server' })
  const client = await issue({ commonName: 'client', usage: 'client' })
  const seen: View[] = []
  const server = tls.createServer(
    { ...identity, ...options, ca, requestCert: true, ALPNProtocols: ['first', 'second'] },
    socket => {
      const { servername, alpnProtocol } = socket as { servername?: unknown; alpnProtocol: unknown }
      const { subject } = socket.getPeerCertificate()
      seen.push({ resumed: socket.isSessionReused(), servername, alpn: alpnProtocol, client: subject?.CN })
      socket.on('error', () => {})
      socket.end('!')
    },
  )
  if (byName) server.addContext('localhost', { ...identity, ca })
  prepare(server)
  t.teardown(() => server.close())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  let session: Buffer | undefined
  for (let n = 0; n < 2; n++) {
    const socket = tls.connect({
      ...{ port, host: '127.0.0.1', servername, ca, session },
      ...client,
      ALPNProtocols: ['second', 'first'],
    })
    socket.on('session', made => {
      session = made
    })
    await finish(socket)
  }
  return seen
}

/** Keeps sessions with Node alone. */
function keepByHand(server: tls.Server): void {
  const sessions = new Map<string, Buffer>()
  server.on('newSession', (id, session, done) => {
    sessions.set(id.toString('hex'), session)
    done()
  })
  server.on('resumeSession', (id, done) => done(null, sessions.get(id.toString('hex')) as Buffer))
}
