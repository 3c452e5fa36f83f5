/** The revocation lists of a SecureContext bound the sessions that were verified with them. */
import tls from 'node:tls'
import test from 'ava'
import { connect, SessionCache } from 'tls-resumption'
import { clock } from '../../dist/util/time.js'
import { fromNow, makeAuthority, makeCrl, makeServer } from '../support/chains.ts'
import { finish, startServer } from '../support/server.ts'

const LIFETIME_MS = 10 * 60_000

test.serial(
  'given context: a session is not offered after the nextUpdate of a CRL of the context',
  async t => {
    const authority = await makeAuthority('root')
    const server = await makeServer({ issuer: authority })
    const { port } = await startServer(t, server)
    const nextUpdate = fromNow(LIFETIME_MS - 1000)
    const options = { host: '127.0.0.1', port, servername: 'localhost', sessionCache: new SessionCache() }
    // Changes of contexts are seen from the first context on.
    await finish(connect({ ...options, secureContext: tls.createSecureContext({ ca: authority.cert }) }))

    const secureContext = tls.createSecureContext({
      ca: authority.cert,
      crl: await makeCrl(authority, nextUpdate),
    })
    const dial = async () => (await finish(connect({ ...options, secureContext }))).resumed
    t.false(await dial())
    t.true(await dial())
    const { wall } = clock
    t.teardown(() => {
      clock.wall = wall
    })
    clock.wall = () => wall() + LIFETIME_MS
    t.false(await dial(), 'OpenSSL, which has a clock of its own, verifies the list again')
  },
)
