/** Each session event of a server is answered exactly once. */
import { once } from 'node:events'
import tls from 'node:tls'
import test from 'ava'
import { resumeSessions, SessionCache } from 'tls-resumption'
import { finish, SSL_OP_NO_TICKET, startServer, testAuthority } from '../support/server.ts'

const WITH_IDS: tls.TlsOptions = { maxVersion: 'TLSv1.2', secureOptions: SSL_OP_NO_TICKET }

/** Emits the event, and returns what its listeners answered. */
function answersTo(server: tls.Server, event: string, ...args: unknown[]): unknown[][] {
  const answers: unknown[][] = []
  server.emit(event, ...args, (...answer: unknown[]) => answers.push(answer))
  return answers
}

const GARBAGE: Record<string, unknown> = {
  'random bytes': Buffer.from('no session at all'),
  'nothing in it': Buffer.alloc(0),
  'a text': 'a session',
  'a number': 5,
  null: null,
  undefined: undefined,
}

for (const [what, garbage] of Object.entries(GARBAGE)) {
  test(`newSession: a session that is garbage (${what}) is answered once and not stored`, t => {
    const server = tls.createServer()
    const sessionCache = new SessionCache()
    resumeSessions(server, { sessionCache })
    t.deepEqual(answersTo(server, 'newSession', Buffer.alloc(32, 1), garbage), [[]])
    t.is(sessionCache.stats().sets, 0)
  })

  test(`resumeSession: an ID that is garbage (${what}) is answered once`, t => {
    const server = tls.createServer()
    resumeSessions(server, { sessionCache: new SessionCache() })
    t.deepEqual(answersTo(server, 'newSession', garbage, Buffer.from('a session')), [[]])
    t.deepEqual(answersTo(server, 'resumeSession', garbage), [[null, null]])
  })
}

// Serial: events that no handshake emits would get the server name of another test's handshake.
test.serial('resumeSession: IDs of any length are answered once', async t => {
  const { server, port, ca } = await startServer(t, WITH_IDS)
  const sessionCache = new SessionCache()
  resumeSessions(server, { sessionCache })
  const stored = once(server, 'newSession')
  await finish(tls.connect({ port, ca, servername: 'localhost' }))
  const [, session] = await stored

  for (const length of [1, 32, 40]) {
    const id = Buffer.alloc(length, length)
    t.deepEqual(answersTo(server, 'resumeSession', id), [[null, null]], `${length} bytes`)
    t.deepEqual(answersTo(server, 'newSession', id, session), [[]])
    const lengths: number[] = []
    server.emit('resumeSession', id, (_: null, found: Buffer) => {
      lengths.push(found.length)
      t.true(found.equals(session), `${length} bytes`)
    })
    t.deepEqual(lengths, [session.length])
  }
  t.is(sessionCache.size, 4)
  for (const length of [32, 1, 40]) {
    const [answer] = answersTo(server, 'resumeSession', Buffer.alloc(length, length))
    t.truthy(answer?.[1], `${length} bytes, after one of another length`)
  }
  t.deepEqual(
    answersTo(server, 'resumeSession', Buffer.alloc(2, 1)),
    [[null, null]],
    'no ID is found as a part of another',
  )
})

test('resumeSession: an answer that throws is not given again', async t => {
  const { server, port, ca } = await startServer(t, WITH_IDS)
  resumeSessions(server, { sessionCache: new SessionCache() })
  const stored = once(server, 'newSession')
  await finish(tls.connect({ port, ca, servername: 'localhost' }))
  const [id] = await stored
  for (const known of [id, Buffer.alloc(32, 1)]) {
    let answers = 0
    const answer = () => {
      answers++
      throw new Error('the socket is closed')
    }
    t.throws(() => server.emit('resumeSession', known, answer), { message: 'the socket is closed' })
    t.is(answers, 1)
  }
})

for (const event of ['newSession', 'resumeSession']) {
  test(`resumeSessions: a server with a listener for '${event}' is rejected and left as it was`, t => {
    const server = tls.createServer().on(event, () => {})
    t.throws(() => resumeSessions(server), {
      code: 'ERR_TLS_RESUMPTION_SERVER_IN_USE',
      message: new RegExp(`'${event}'`),
    })
    t.is(server.listenerCount('newSession') + server.listenerCount('resumeSession'), 1)
    t.false(Object.hasOwn(server, 'setSecureContext'))
  })
}

test("dispose: wrappers that others put around setSecureContext stay, and the package's does nothing", async t => {
  const { issue } = await testAuthority()
  const identity = await issue({ commonName: 'localhost', usage: 'server' })
  const server = tls.createServer(identity)
  const { context } = (server as unknown as { _sharedCreds: { context: object } })._sharedCreds
  const prototype = Object.getPrototypeOf(context) as { setSessionIdContext(context: string): void }
  const { setSessionIdContext } = prototype
  let applied = 0
  prototype.setSessionIdContext = function (given) {
    applied++
    setSessionIdContext.call(this, given)
  }
  try {
    const timesIn = (act: () => void) => {
      applied = 0
      act()
      return applied
    }
    const nodes = timesIn(() => server.setSecureContext(identity))
    let wrapped = 0
    for (let round = 0; round < 3; round++) {
      const resumption = resumeSessions(server, { sessionCache: new SessionCache() })
      const { setSecureContext } = server
      server.setSecureContext = function (options) {
        wrapped++
        setSecureContext.call(this, options)
      }
      t.is(
        timesIn(() => server.setSecureContext(identity)),
        nodes + 1,
      )
      resumption[Symbol.dispose]()
      t.is(
        timesIn(() => server.setSecureContext(identity)),
        nodes,
      )
    }
    t.is(wrapped, 2 * (1 + 2 + 3), 'all wrappers of the others are still there')
  } finally {
    prototype.setSessionIdContext = setSessionIdContext
  }
})

for (const isOurs of [false, true]) {
  const who = isOurs ? 'with resumeSessions' : 'Node alone'
  test(`${who}: a listener for resumeSession that comes later answers, and handshakes succeed`, async t => {
    const { server, port, ca, handshakes } = await startServer(t, WITH_IDS)
    if (isOurs) resumeSessions(server, { sessionCache: new SessionCache() })
    const sessions = new Map<string, Buffer>()
    server.on('newSession', (id: Buffer, session: Buffer, done: () => void) => {
      sessions.set(id.toString('hex'), session)
      done()
    })
    server.on('resumeSession', (id: Buffer, answer: (error: null, session: Buffer | null) => void) => {
      setTimeout(() => answer(null, sessions.get(id.toString('hex')) ?? null), 5)
    })
    const dial = { port, ca, servername: 'localhost' }
    const socket = tls.connect(dial)
    const [[session]] = await Promise.all([once(socket, 'session'), finish(socket)])
    t.true((await finish(tls.connect({ ...dial, session }))).resumed)
    sessions.clear()
    t.false((await finish(tls.connect({ ...dial, session }))).resumed)
    t.deepEqual(handshakes, { full: 2, resumed: 1 })
  })
}

test('dispose: an own setSecureContext of the server is restored', t => {
  const server = tls.createServer()
  const own = () => {}
  server.setSecureContext = own
  resumeSessions(server, { sessionCache: new SessionCache() })[Symbol.dispose]()
  t.is(server.setSecureContext, own)
})
