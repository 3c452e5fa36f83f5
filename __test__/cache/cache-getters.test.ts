import test from 'ava'
import { connect, SessionCache } from 'tls-resumption'
import { finish, startServer } from '../support/server.ts'

test('an option whose getter disposes of the cache leaves nothing written, anywhere', t => {
  const cache = new SessionCache()
  const opened: SessionCache[] = []
  const options = {
    get ttl() {
      cache[Symbol.dispose]()
      opened.push(new SessionCache()) // takes over the place of the one that closed
      return 1000
    },
  }
  t.throws(() => cache.set('peer', Buffer.from('a session'), options), {
    code: 'ERR_TLS_RESUMPTION_DISPOSED',
  })
  t.deepEqual(
    opened.map(({ size }) => size),
    opened.map(() => 0),
  )
})

test('an object whose getters throw is refused with a code like any other', t => {
  const hostile = {
    get constructor(): never {
      throw new Error('from the getter')
    },
  }
  t.throws(() => new SessionCache({ max: hostile as never }), { code: 'ERR_INVALID_ARG_TYPE' })
  t.throws(() => connect({ port: 1, sessionCache: hostile as never }), { code: 'ERR_INVALID_ARG_TYPE' })
})

test('a cache disposed of during a handshake that fails is no further error', async t => {
  const { port, ca } = await startServer(t)
  const sessionCache = new SessionCache()
  const options = { port, ca, servername: 'localhost', sessionCache }
  await finish(connect(options))
  const socket = connect(options)
  socket.once('connect', () => {
    sessionCache[Symbol.dispose]()
    socket.destroy(new Error('given up'))
  })
  await t.throwsAsync(finish(socket), { message: 'given up' })
})
