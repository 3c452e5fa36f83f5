/** A TLS 1.2 session that the server renews on resumption is stored, although Node emits no event for it. */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import net from 'node:net'
import tls from 'node:tls'
import test from 'ava'
import { type ConnectOptions, connect, SessionCache } from 'tls-resumption'
import { outcome, sessionOf } from '../support/outcome.ts'
import { finish, startServer } from '../support/server.ts'

interface ServerInternals {
  _sharedCreds: { context: { onticketkeycallback?: unknown; enableTicketKeyCallback(): void } }
}

/** Ticket keys as in nginx: the first encrypts, the others only decrypt, and their tickets are renewed. */
function useKeys(server: tls.Server, keys: readonly Buffer[]): void {
  const { context } = (server as unknown as ServerInternals)._sharedCreds
  context.onticketkeycallback = (name: Buffer, iv: Buffer, isNew: boolean) => {
    const index = isNew ? 0 : keys.findIndex(key => key.subarray(0, 16).equals(name))
    const key = keys[index]
    if (!key) return [0, Buffer.alloc(16), Buffer.alloc(16)]
    const [own, hmac, aes] = [0, 16, 32].map(start => key.subarray(start, start + 16))
    return isNew ? [1, hmac, aes, own, iv] : [index === 0 ? 1 : 2, hmac, aes]
  }
  context.enableTicketKeyCallback()
}

const [first, second, third] = [randomBytes(48), randomBytes(48), randomBytes(48)]
const TLS_1_2 = { maxVersion: 'TLSv1.2' } as const

const forms: Record<string, (options: ConnectOptions & { port: number }) => Promise<tls.TLSSocket>> = {
  'to a port': async options => connect(options),
  'over a socket': async ({ port, ...options }) => {
    const socket = net.connect(port, '127.0.0.1')
    await once(socket, 'connect')
    return connect({ ...options, socket })
  },
}

for (const [form, open] of Object.entries(forms)) {
  test(`TLS 1.2 renewal: with ${form} the renewed session outlives the first ticket key`, async t => {
    const { server, port, ca } = await startServer(t, TLS_1_2)
    const options = { port, ca, servername: 'localhost', sessionCache: new SessionCache() }
    const visit = async () => (await finish(await open(options))).resumed
    useKeys(server, [first])
    t.deepEqual([await visit(), await visit()], [false, true])
    useKeys(server, [second, first])
    t.true(await visit())
    useKeys(server, [third, second])
    t.true(await visit())
    useKeys(server, [third])
    t.true(await visit())
  })
}

test('TLS 1.2 renewal: plain Node does not receive the renewed session', async t => {
  const { server, port, ca } = await startServer(t, TLS_1_2)
  const options = { port, ca, servername: 'localhost' }
  useKeys(server, [first])
  let session = await sessionOf(options)
  useKeys(server, [second, first])
  const socket = tls.connect({ ...options, session })
  socket.on('session', renewed => {
    session = renewed
  })
  t.true((await finish(socket)).resumed)
  useKeys(server, [third, second])
  t.false((await finish(tls.connect({ ...options, session }))).resumed)
})

test('TLS 1.2 renewal: without a renewal nothing is stored again', async t => {
  const { server, port, ca } = await startServer(t, TLS_1_2)
  const sessionCache = new SessionCache()
  const options = { port, ca, servername: 'localhost', sessionCache }
  useKeys(server, [first])
  await finish(connect(options))
  const { sets } = sessionCache.stats()
  t.true((await finish(connect(options))).resumed)
  t.is(sessionCache.stats().sets, sets)
})

test('TLS 1.2 renewal: nothing is stored if the secureConnect listener destroys the socket', async t => {
  const { server, port, ca } = await startServer(t, TLS_1_2)
  const sessionCache = new SessionCache()
  const options = { port, ca, servername: 'localhost', sessionCache }
  useKeys(server, [first])
  await finish(connect(options))
  const { sets } = sessionCache.stats()
  useKeys(server, [second, first])
  const socket = connect(options, () => socket.destroy(new Error('not this one')))
  t.is((await outcome(socket)).refused, 'not this one')
  t.is(sessionCache.stats().sets, sets)
})
