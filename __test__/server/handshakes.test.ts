/** A client that resumes gets the result that a full handshake would give it now. */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import tls from 'node:tls'
import test, { type ExecutionContext } from 'ava'
import { resumeSessions, SessionCache, serverStats, TicketKeys } from 'tls-resumption'
import { clock } from '../../dist/util/time.js'
import { finish, SSL_OP_NO_TICKET, testAuthority } from '../support/server.ts'

const HOUR = 3_600_000
const KINDS: Record<string, tls.SecureContextOptions> = {
  'TLSv1.2 with session IDs': { maxVersion: 'TLSv1.2', secureOptions: SSL_OP_NO_TICKET },
  'TLSv1.2 with tickets': { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' },
  'TLSv1.3 with tickets': { minVersion: 'TLSv1.3', maxVersion: 'TLSv1.3' },
}

interface Visit {
  resumed: boolean
  authorized: boolean
  error: unknown
}

/** A server that asks for client certificates, and what it thought of each connection that reached the application. */
async function startStrict(t: ExecutionContext, isOurs: boolean, rejectUnauthorized: boolean) {
  const { cert: ca, issue } = await testAuthority()
  const identity = await issue({ commonName: 'localhost', usage: 'server' })
  const visits: Visit[] = []
  const options = { ...identity, ca, requestCert: true, rejectUnauthorized }
  const server = tls.createServer(options, socket => {
    socket.on('error', () => {})
    if (socket.destroyed) return
    const { authorized, authorizationError: error } = socket
    visits.push({ resumed: socket.isSessionReused(), authorized, error: error ?? undefined })
    socket.end('!')
  })
  server.on('tlsClientError', () => {})
  if (isOurs) {
    resumeSessions(server, { sessionCache: new SessionCache() })
    new TicketKeys().attach(server)
  }
  t.teardown(() => server.close())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return { ca, visits, port: (server.address() as AddressInfo).port }
}

/** Connects, and returns the last session that came. */
async function visit(port: number, options: tls.ConnectionOptions): Promise<Buffer | undefined> {
  let { session } = options
  const socket = tls.connect({ port, host: '127.0.0.1', servername: 'localhost', ...options })
  socket.on('session', made => {
    session = made
  })
  await finish(socket).catch(() => {})
  return session
}

for (const [kind, options] of Object.entries(KINDS)) {
  for (const isStrict of [true, false]) {
    const title = isStrict ? 'refused' : 'not authorized, where certificates are optional,'
    test.serial(`${kind}: a client whose certificate has expired is ${title} when it resumes`, async t => {
      const { issue } = await testAuthority()
      // Certificates have whole seconds.
      const until = Math.ceil(Date.now() / 1000 + 3) * 1000
      const client = await issue({ commonName: 'client', usage: 'client', notAfter: new Date(until) })
      const results = await Promise.all(
        [false, true].map(async isOurs => {
          const { ca, visits, port } = await startStrict(t, isOurs, isStrict)
          const dial = { ca, ...client, ...options }
          const session = await visit(port, dial)
          await visit(port, { ...dial, session })
          const before = visits.length
          await new Promise(resolve => setTimeout(resolve, until + 1100 - Date.now()))
          // The yardstick: a full handshake with Node alone. The package resumes.
          await visit(port, isOurs ? { ...dial, session } : dial)
          return { before: visits.slice(0, before), after: visits.slice(before) }
        }),
      )
      const [plain, ours] = results
      t.is(ours?.before.length, 2)
      t.true(ours?.before[1]?.resumed)
      t.true(ours?.before.every(({ authorized }) => authorized))
      const judged = (visits: Visit[] = []) => visits.map(({ authorized, error }) => ({ authorized, error }))
      t.deepEqual(judged(ours?.after), judged(plain?.after))
      t.deepEqual(judged(ours?.after), isStrict ? [] : [{ authorized: false, error: 'CERT_HAS_EXPIRED' }])
    })
  }
}

test.serial(
  'handshakes: a certificate that is not valid yet does not authorize a resumed client',
  async t => {
    const { issue } = await testAuthority()
    const client = await issue({ commonName: 'client', usage: 'client' })
    const { ca, visits, port } = await startStrict(t, true, false)
    const session = await visit(port, { ca, ...client, ...KINDS['TLSv1.3 with tickets'] })
    const { wall } = clock
    t.teardown(() => {
      clock.wall = wall
    })
    clock.wall = () => wall() - 2 * HOUR
    const before = serverStats()['reverification-failed']
    await visit(port, { ca, ...client, session, ...KINDS['TLSv1.3 with tickets'] })
    t.deepEqual(visits[1], { resumed: true, authorized: false, error: 'CERT_NOT_YET_VALID' })
    t.is(serverStats()['reverification-failed'], before + 1)
  },
)
