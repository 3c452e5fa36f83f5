import { once } from 'node:events'
import tls from 'node:tls'
import test from 'ava'
import { readSessionInfo, type SessionInfo, TLS_1_3 } from '../../dist/session/session-info.js'
import { startServer } from '../support/server.ts'

async function factsOfSession(
  options: tls.ConnectionOptions,
): Promise<{ facts: SessionInfo; error: unknown }> {
  const socket = tls.connect({ host: '127.0.0.1', servername: 'localhost', ...options })
  const [[session]] = await Promise.all([once(socket, 'session'), once(socket, 'secureConnect')])
  socket.destroy()
  const facts = readSessionInfo(session as Buffer)
  if (facts === undefined) throw new Error('Node.js made it')
  return { facts, error: socket.authorizationError }
}

for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`session facts: ${maxVersion}, a session says when it was made and how it was verified`, async t => {
    const { port, ca } = await startServer(t, { maxVersion, sessionTimeout: 1234 })
    const before = Date.now()
    const { facts } = await factsOfSession({ port, ca })
    t.is(facts.version >= TLS_1_3, maxVersion === 'TLSv1.3')
    t.true(facts.verified)
    t.is(facts.verifyResult, 0)
    t.true(facts.establishedAt >= before - 1000 && facts.establishedAt <= Date.now())
    t.is(facts.establishedAt % 1000, 0)
    // The default of OpenSSL for a client's sessions.
    t.is(facts.timeout, 7200 * 1000)
    t.is(facts.lifetime, 1234 * 1000)
  })

  test(`session facts: ${maxVersion}, a session keeps why its chain was not verified`, async t => {
    const { port } = await startServer(t, { maxVersion })
    const { facts, error } = await factsOfSession({ port, rejectUnauthorized: false })
    t.is((error as { code?: string }).code ?? error, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE')
    t.false(facts.verified)
    t.is(facts.verifyResult, 21)
  })
}

test('session facts: bytes that are no session have none', t => {
  t.is(readSessionInfo(Buffer.from('no session')), undefined)
})
