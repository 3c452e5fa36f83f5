/** Sessions that a library kept from our sockets and passes back, told apart from those of others. */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import test from 'ava'
import { type ConnectOptions, connect, SessionCache, sessionKey } from 'tls-resumption'
import { isOurs, noteEmitted } from '../../dist/client/session-provenance.js'
import { outcome } from '../support/outcome.ts'
import { finish, startServer } from '../support/server.ts'

/** A session that a socket of `connect` has emitted. */
async function emittedBy(options: ConnectOptions): Promise<Buffer> {
  const socket = connect(options)
  const [[session]] = await Promise.all([once(socket, 'session'), finish(socket)])
  return session as Buffer
}

test('what was kept is ours, as a copy too, and nothing else is', t => {
  const session = randomBytes(100)
  t.false(isOurs(session))
  noteEmitted('kept', session)
  t.true(isOurs(session))
  t.true(isOurs(Buffer.from(session)))
  t.true(isOurs(new Uint8Array(session)))
  const shared = Buffer.from(new SharedArrayBuffer(session.length))
  session.copy(shared)
  t.true(isOurs(shared))
  t.false(isOurs(session.subarray(1)))
  for (const other of ['', session.toString('latin1'), {}, null, undefined, 5]) t.false(isOurs(other))
})

test('a peer that sends thousands of tickets makes no session of another foreign', t => {
  const ofOthers = Array.from({ length: 100 }, () => randomBytes(100))
  for (const [index, session] of ofOthers.entries()) noteEmitted(`another ${index}`, session)
  const ofIts = Array.from({ length: 5000 }, () => randomBytes(100))
  for (const session of ofIts) noteEmitted('talkative', session)
  t.true(ofOthers.every(isOurs))
  t.deepEqual(ofIts.map(isOurs).lastIndexOf(false), 5000 - 17, 'its own last ones are known')
})

test('of very many peers, those heard of the longest ago are forgotten', t => {
  const first = randomBytes(100)
  const lasting = randomBytes(100)
  noteEmitted('first', first)
  noteEmitted('lasting', lasting)
  for (let peer = 0; peer < 1000; peer++) {
    noteEmitted(`peer ${peer}`, randomBytes(100))
    if (peer % 100 === 0) noteEmitted('lasting', randomBytes(100))
  }
  t.false(isOurs(first))
  t.true(isOurs(lasting))
})

for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`${maxVersion}: a session of ours is not offered where an inline check has to be asked`, async t => {
    const { port, ca } = await startServer(t, { maxVersion })
    const options = { port, ca, servername: 'localhost', sessionCache: new SessionCache() }
    const session = await emittedBy(options)
    let asked = 0
    const connectInline = () =>
      connect({
        ...options,
        session,
        checkServerIdentity: () => {
          asked++
          return new Error('not the pinned certificate')
        },
      })
    // The first function of its text has a key, the others have none.
    for (let round = 1; round <= 3; round++) {
      t.is((await outcome(connectInline())).refused, 'not the pinned certificate')
      t.is(asked, round)
    }
  })

  test(`${maxVersion}: a session of ours is not offered where an OCSP response is asked for`, async t => {
    const { port, ca } = await startServer(t, { maxVersion })
    const options = { port, ca, servername: 'localhost', sessionCache: new SessionCache() }
    const session = await emittedBy(options)
    t.is(sessionKey({ ...options, requestOCSP: true }), undefined)
    t.deepEqual(await finish(connect({ ...options, session, requestOCSP: true })), {
      resumed: false,
      authorized: true,
    })
  })

  test(`${maxVersion}: a session of ours is not offered under other terms of trust`, async t => {
    const { port, ca } = await startServer(t, { maxVersion })
    const options = { port, ca, servername: 'localhost', sessionCache: new SessionCache() }
    const session = await emittedBy(options)
    const { refused } = await outcome(connect({ ...options, ca: undefined, session }))
    t.is(refused, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE')
  })
}
