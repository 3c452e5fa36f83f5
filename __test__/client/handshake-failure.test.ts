/** What counts as the failure of a peer to which a session was offered, and what becomes of its sessions. */
import { once } from 'node:events'
import net, { type AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import test, { type ExecutionContext } from 'ava'
import { connect, SessionCache } from 'tls-resumption'
import { outcome } from '../support/outcome.ts'
import { finish, startServer } from '../support/server.ts'

/** A server that can be made to accept connections and to say nothing. */
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

test('a caller who gives up at once, again and again, is no failure of the peer', async t => {
  const { options, handshakes } = await startSilenceable(t)
  for (let round = 0; round < 3; round++) {
    await finish(connect(options))
    const socket = connect(options)
    socket.once('connect', () => socket.destroy())
    await once(socket, 'close')
  }
  t.false((await finish(connect(options))).resumed, 'the session is gone')
  t.true((await finish(connect(options))).resumed)
  t.deepEqual(handshakes, { full: 4, resumed: 1 })
})

test('a peer that says nothing until the caller gives up has failed', async t => {
  const { options, silence, sessionCache } = await startSilenceable(t)
  for (let round = 0; round < 3; round++) {
    silence(false)
    t.false((await finish(connect(options))).resumed)
    silence(true)
    const socket = connect(options)
    await once(socket, 'connect')
    await sleep(1100)
    socket.destroy()
    await once(socket, 'close')
    t.is(sessionCache.size, 0)
  }
  silence(false)
  await finish(connect(options))
  t.true(sessionCache.size > 0)
  t.false((await finish(connect(options))).resumed, 'its sessions are not offered for a while')
})

test('an error on a connection that did not resume keeps the sessions', async t => {
  const { server, port, ca } = await startServer(t)
  const options = { port, ca, servername: 'localhost', sessionCache: new SessionCache() }
  await finish(connect(options))
  // What is offered then, the server has forgotten.
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

test('a handshake that fails, and was offered nothing, leaves what others have stored', async t => {
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
