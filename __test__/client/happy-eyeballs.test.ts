/** Node replaces the handle of a socket for each address that it tries. Sessions arrive at the last handle. */

import { once } from 'node:events'
import type { LookupFunction } from 'node:net'
import net from 'node:net'
import test from 'ava'
import { connect, SessionCache } from 'tls-resumption'
import { finish, startServer } from '../support/server.ts'

/** Returns a lookup function with addresses in this order. */
function resolvingTo(...addresses: string[]): LookupFunction {
  return (_, _options, callback) =>
    callback(
      null,
      addresses.map(address => ({ address, family: net.isIP(address) })),
    )
}

for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
  for (const addresses of [
    ['::1', '127.0.0.1'],
    ['::1', '127.0.0.2', '127.0.0.1'],
  ]) {
    test(`Happy Eyeballs: ${maxVersion} connections that reach the last of ${addresses.length} addresses resume`, async t => {
      const { port, ca, handshakes } = await startServer(t, { maxVersion })
      const sessionCache = new SessionCache()
      const lookup = resolvingTo(...addresses)
      const options = { host: 'localhost', port, ca, lookup, autoSelectFamily: true, sessionCache }
      const refused: string[] = []
      for (let round = 0; round < 3; round++) {
        const socket = connect(options)
        socket.on('connectionAttemptFailed', address => refused.push(address))
        t.true((await finish(socket)).authorized)
        t.true(sessionCache.size > 0)
      }
      t.deepEqual(handshakes, { full: 1, resumed: 2 })
      t.is(refused.length, 3 * (addresses.length - 1))
    })
  }
}

test('Happy Eyeballs: addresses that do not answer use no ticket', async t => {
  const { server, port, ca } = await startServer(t)
  const sessionCache = new SessionCache({ singleUse: true })
  const options = {
    host: 'localhost',
    port,
    ca,
    lookup: resolvingTo('::1', '127.0.0.1'),
    autoSelectFamily: true,
    sessionCache,
  }
  await finish(connect(options))
  const { size } = sessionCache
  server.close()
  await once(server, 'close')
  await t.throwsAsync(finish(connect(options)))
  t.is(sessionCache.size, size)
})
