/** What happens at a server is told, counted, and holds no secret. */
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
import { finish, SSL_OP_NO_TICKET, startServer } from '../support/server.ts'

let names = 0

/** What is told from now on of what has this name, and of handshakes. */
function listen(t: ExecutionContext) {
  const name = `server diagnostics ${names++}`
  const told: ServerMessage[] = []
  const onMessage = (message: unknown) => told.push(message as ServerMessage)
  subscribe('tls-resumption:server', onMessage)
  t.teardown(() => unsubscribe('tls-resumption:server', onMessage))
  return { name, told, reasons: () => told.map(({ reason }) => reason) }
}

test.serial('session ids', async t => {
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
  t.deepEqual(told, [
    { reason: 'id-not-found', name, protocol: undefined, newerKeys: undefined },
    { reason: 'full', name: undefined, protocol: 'TLSv1.2', newerKeys: undefined },
  ])
  await finish(connect(dial))
  sessionCache.clear()
  await finish(connect(dial))
  t.deepEqual(reasons().slice(2), ['id-found', 'resumed', 'id-not-found', 'full'])
  const after = serverStats()
  t.is(after.full - before.full, 2)
  t.is(after.resumed - before.resumed, 1)
  t.is(after['id-found'] - before['id-found'], 1)
  t.is(after['id-not-found'] - before['id-not-found'], 2)
})

test.serial('tickets, of the newest key, of the one before, and of one that is gone', async t => {
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
    ...['ticket-opened', 'resumed'],
    ...['ticket-opened', 'resumed', 'rotation'],
    ...['ticket-unknown', 'full', 'rotation'],
  ])
  const opened = told.filter(({ reason }) => reason === 'ticket-opened')
  t.deepEqual(
    opened.map(({ newerKeys }) => newerKeys),
    [0, 1],
  )
  t.true(opened.every(message => message.name === name))
})

test.serial('a server that resumes nothing, since its clients may not be verified alike', async t => {
  const { name, reasons } = listen(t)
  const { server, port, ca } = await startServer(t, { requestCert: true, rejectUnauthorized: false })
  server.addContext('other.example', {})
  const keys = new TicketKeys({ name })
  t.teardown(() => keys[Symbol.dispose]())
  keys.attach(server)
  await finish(tls.connect({ port, ca, servername: 'localhost' }))
  t.true(reasons().includes('refused-by-guard'))
  t.false(reasons().includes('ticket-opened'))
})

test.serial('a server given back to Node tells nothing, and has no listener of ours', async t => {
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

test.serial('it holds no secret', async t => {
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
    t.deepEqual(Object.keys(message).sort(), ['name', 'newerKeys', 'protocol', 'reason'])
    t.true(Object.values(message).every(value => ['string', 'number', 'undefined'].includes(typeof value)))
  }
})
