/** What happens at a server is published and counted. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import tls from 'node:tls'
import test, { type ExecutionContext } from 'ava'
import {
  connect,
  resumeSessions,
  type ServerMessage,
  SessionCache,
  serverStats,
  TicketKeys,
} from 'tls-resumption'
import { finish, SSL_OP_NO_TICKET, startServer, testAuthority } from '../support/server.ts'

let names = 0

/** Collects the messages from now on. */
function listen(t: ExecutionContext) {
  const name = `server diagnostics ${names++}`
  const told: ServerMessage[] = []
  const onMessage = (message: unknown) => told.push(message as ServerMessage)
  subscribe('tls-resumption:server', onMessage)
  t.teardown(() => unsubscribe('tls-resumption:server', onMessage))
  return { name, told, reasons: () => told.map(({ reason }) => reason) }
}

test.serial('events: hits and misses of session IDs', async t => {
  const { name, told, reasons } = listen(t)
  const { server, port, ca } = await startServer(t, {
    maxVersion: 'TLSv1.2',
    secureOptions: SSL_OP_NO_TICKET,
  })
  const sessionCache = new SessionCache({ name })
  resumeSessions(server, { sessionCache })
  const dial = { port, ca, servername: 'localhost', sessionCache: new SessionCache() }
  const before = serverStats()
  await finish(connect(dial))
  // A client that would speak TLS 1.3 has an id that stands for nothing (RFC 8446 appendix D.4).
  const [miss, full] = told
  t.deepEqual(miss, {
    reason: 'session-id-miss',
    name,
    protocol: undefined,
    newerKeys: undefined,
    duration: undefined,
  })
  const { duration = 0, ...rest } = full ?? {}
  t.deepEqual(rest, { reason: 'full', name: undefined, protocol: 'TLSv1.2', newerKeys: undefined })
  t.true(duration > 0 && duration < 10_000, `${duration} ms`)
  await finish(connect(dial))
  sessionCache.clear()
  await finish(connect(dial))
  t.deepEqual(reasons().slice(2), ['session-id-hit', 'resumed', 'session-id-miss', 'full'])
  const after = serverStats()
  t.is(after.full - before.full, 2)
  t.is(after.resumed - before.resumed, 1)
  t.is(after['session-id-hit'] - before['session-id-hit'], 1)
  t.is(after['session-id-miss'] - before['session-id-miss'], 2)
})

test.serial('events: tickets of the active key, of a retired one, and of one that is gone', async t => {
  const { name, told, reasons } = listen(t)
  const { server, port, ca } = await startServer(t, { minVersion: 'TLSv1.3' })
  const keys = new TicketKeys({ name, rotateEvery: 0, keep: 2 })
  t.teardown(() => keys[Symbol.dispose]())
  keys.attach(server)
  const dial = { port, ca, servername: 'localhost', sessionCache: new SessionCache({ ticketsPerPeer: 1 }) }
  await finish(connect(dial))
  await finish(connect(dial))
  keys.rotate()
  await finish(connect(dial))
  keys.rotate()
  keys.rotate()
  await finish(connect(dial))
  t.deepEqual(reasons(), [
    ...['full'],
    ...['ticket-accepted', 'resumed'],
    ...['ticket-accepted', 'resumed', 'rotation'],
    ...['ticket-unknown', 'full', 'rotation'],
  ])
  const opened = told.filter(({ reason }) => reason === 'ticket-accepted')
  t.deepEqual(
    opened.map(({ newerKeys }) => newerKeys),
    [0, 1],
  )
  t.true(opened.every(message => message.name === name))
})

test.serial('events: a ticket that OpenSSL refuses after the ring accepted it', async t => {
  const { name, reasons } = listen(t)
  const start = async (dnsName: string) =>
    startServer(t, { ...(await identityFor(dnsName)), minVersion: 'TLSv1.3' })
  const [one, other] = [await start('one.example'), await start('other.example')]
  const keys = new TicketKeys({ name })
  t.teardown(() => keys[Symbol.dispose]())
  for (const { server } of [one, other]) keys.attach(server)
  const dial = { ca: one.ca, servername: 'one.example', checkServerIdentity: () => undefined }
  let session: Buffer | undefined
  const first = tls.connect({ ...dial, port: one.port })
  first.on('session', made => {
    session = made
  })
  await finish(first)
  const before = serverStats()
  await finish(tls.connect({ ...dial, port: other.port, session }))
  t.deepEqual(reasons(), ['full', 'ticket-accepted', 'full', 'ticket-refused'])
  t.is(serverStats()['ticket-refused'] - before['ticket-refused'], 1)
})

async function identityFor(dnsName: string) {
  return (await testAuthority()).issue({ commonName: 'server', dnsNames: [dnsName], usage: 'server' })
}

test.serial('events: ambiguous client trust', async t => {
  const { name, reasons } = listen(t)
  const { server, port, ca } = await startServer(t, { requestCert: true, rejectUnauthorized: false })
  server.addContext('other.example', {})
  const keys = new TicketKeys({ name })
  t.teardown(() => keys[Symbol.dispose]())
  keys.attach(server)
  await finish(tls.connect({ port, ca, servername: 'localhost' }))
  t.true(reasons().includes('ambiguous-client-trust'))
  t.false(reasons().includes('ticket-accepted'))
})

test.serial('events: a released server publishes nothing and has no listeners of the package', async t => {
  const { reasons } = listen(t)
  const { server, port, ca } = await startServer(t)
  const listeners = server.listenerCount('secureConnection')
  const resumption = resumeSessions(server)
  resumption[Symbol.dispose]()
  t.is(server.listenerCount('secureConnection'), listeners)
  const socket = tls.connect({ port, ca, servername: 'localhost' }).resume()
  await once(socket, 'close')
  t.deepEqual(reasons(), [])
})

test.serial('events: messages hold no secret', async t => {
  const { name, told } = listen(t)
  const { server, port, ca } = await startServer(t, {
    maxVersion: 'TLSv1.2',
    secureOptions: SSL_OP_NO_TICKET,
  })
  resumeSessions(server, { sessionCache: new SessionCache({ name }) })
  const dial = { port, ca, servername: 'localhost', sessionCache: new SessionCache() }
  await finish(connect(dial))
  await finish(connect(dial))
  for (const message of told) {
    t.deepEqual(Object.keys(message).sort(), ['duration', 'name', 'newerKeys', 'protocol', 'reason'])
    t.true(Object.values(message).every(value => ['string', 'number', 'undefined'].includes(typeof value)))
  }
})
