/** What counts as a failure after an offer, and when the sessions of the peer are dropped. */
import { once } from 'node:events'
import net, { type AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import test, { type ExecutionContext } from 'ava'
import { connect, SessionCache } from 'tls-resumption'
import { outcome } from '../support/outcome.ts'
import { finish, startServer } from '../support/server.ts'

/** A server that can be switched to accept connections and send nothing. */
async function startSilenceable(t: ExecutionContext) {
  const { server, ca, handshakes } = await startServer(t)
  let isSilent = false
  const front = net.createServer(socket => {
    socket.on('error', () => {})
    if (isSilent) socket.resume()
    else server.emit('connection', socket)
  })
  front.listen(0, '127.0.0.1')
  await once(front, 'listening')
  t.teardown(() => front.close())
  const { port } = front.address() as AddressInfo
  const sessionCache = new SessionCache()
  return {
    sessionCache,
    handshakes,
    options: { port, ca, host: '127.0.0.1', servername: 'localhost', sessionCache },
    silence(on: boolean) {
      isSilent = on
    },
  }
}

test('handshake failure: a caller that repeatedly gives up at once costs no session', async t => {
  const { options, handshakes, sessionCache } = await startSilenceable(t)
  await finish(connect(options))
  const { size } = sessionCache
  for (let round = 0; round < 5; round++) {
    const socket = connect(options)
    socket.once('connect', () => socket.destroy())
    await once(socket, 'close')
  }
  t.is(sessionCache.size, size)
  t.true((await finish(connect(options))).resumed)
  t.deepEqual(handshakes, { full: 1, resumed: 1 })
})

test('handshake failure: a caller that gives up within a second of silence costs no session', async t => {
  const { options, silence, sessionCache } = await startSilenceable(t)
  await finish(connect(options))
  const { size } = sessionCache
  silence(true)
  for (let round = 0; round < 3; round++) {
    const socket = connect(options)
    await once(socket, 'connect')
    await sleep(100)
    socket.destroy()
    await once(socket, 'close')
  }
  t.is(sessionCache.size, size)
  silence(false)
  t.true((await finish(connect(options))).resumed)
})

test.serial(
  'handshake failure: a second of silence after an offer is a hang, and the next handshake offers nothing',
  async t => {
    const { options, silence, sessionCache } = await startSilenceable(t)
    await finish(connect(options))
    silence(true)
    const socket = connect(options)
    await once(socket, 'connect')
    // Twice as long as necessary: the wait starts again if the thread was busy.
    await sleep(2300)
    socket.destroy()
    await once(socket, 'close')
    t.is(sessionCache.size, 0)
    silence(false)
    t.false((await finish(connect(options))).resumed)
    t.true(sessionCache.size > 0)
    t.false((await finish(connect(options))).resumed, 'the offer is to blame, so there are none for a minute')
  },
)

test('handshake failure: an error on a connection that did not resume keeps the sessions', async t => {
  const { server, port, ca } = await startServer(t)
  const options = { port, ca, servername: 'localhost', sessionCache: new SessionCache() }
  await finish(connect(options))
  // The server does not know the session that is offered then.
  server.setTicketKeys(Buffer.alloc(48, 7))
  const socket = connect(options)
  let size = 0
  socket.once('secureConnect', () => {
    t.false(socket.isSessionReused())
    size = options.sessionCache.size
    socket.destroy(new Error('something else'))
  })
  t.is((await outcome(socket)).refused, 'something else')
  t.true(size > 0)
  t.is(options.sessionCache.size, size)
})

test('handshake failure: without an offer it keeps the sessions of other connections', async t => {
  const { options, silence, sessionCache } = await startSilenceable(t)
  silence(true)
  const socket = connect(options)
  await once(socket, 'connect')
  silence(false)
  await finish(connect(options))
  const { size } = sessionCache
  t.true(size > 0)
  const closed = once(socket, 'close')
  socket.destroy(new Error('something else'))
  await t.throwsAsync(closed, { message: 'something else' })
  t.is(sessionCache.size, size)
})
