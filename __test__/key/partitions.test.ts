/** `cachePartition` separates sessions, and makes no connection check less than it would without. */
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import http2 from 'node:http2'
import type { AddressInfo } from 'node:net'
import tls from 'node:tls'
import test, { type ExecutionContext } from 'ava'
import { connect, http2CreateConnection, SessionCache, sessionKey } from 'tls-resumption'
import { outcome } from '../support/outcome.ts'
import { finish, startServer, testAuthority } from '../support/server.ts'

type Check = NonNullable<tls.ConnectionOptions['checkServerIdentity']>

const base = { host: 'db.example', port: 5432, cachePartition: 'tenant' }
/** A new function of one source text at each call, with a list of its own of issuers that it denies. */
const makeCheck =
  (denied: readonly string[]): Check =>
  (_host, { issuerCertificate }: Partial<tls.DetailedPeerCertificate>) =>
    denied.includes(issuerCertificate?.fingerprint256 ?? '') ? new Error('denied') : undefined
/** The lists of four connections in turn. */
const lists = async () => {
  const { fingerprint256 } = new X509Certificate((await testAuthority()).cert)
  return [[], [fingerprint256], [], [fingerprint256]]
}

for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
  const visit = async (t: ExecutionContext, by: (options: tls.ConnectionOptions) => tls.TLSSocket) => {
    const { port, ca } = await startServer(t, { maxVersion })
    const refusals: unknown[] = []
    for (const denied of await lists()) {
      const options = { port, ca, servername: 'localhost', checkServerIdentity: makeCheck(denied) }
      refusals.push((await outcome(by(options))).refused)
    }
    return refusals
  }
  for (const partition of [{}, { cachePartition: 'tenant' }]) {
    test(`${maxVersion}: of two closures of one text each is asked, ${JSON.stringify(partition)}`, async t => {
      const sessionCache = new SessionCache()
      t.deepEqual(
        await visit(t, options => connect({ ...options, ...partition, sessionCache })),
        await visit(t, tls.connect),
      )
    })
  }

  test(`${maxVersion}: connections of another partition do not resume`, async t => {
    const { port, ca } = await startServer(t, { maxVersion })
    const options = { port, ca, servername: 'localhost', sessionCache: new SessionCache() }
    const resumed: boolean[] = []
    for (const cachePartition of ['a', 'a', 'b', 'a']) {
      resumed.push((await finish(connect({ ...options, cachePartition }))).resumed)
    }
    t.deepEqual(resumed, [false, true, false, true])
  })
}

test('http2CreateConnection: of two closures of one text in a partition each is asked', async t => {
  const { cert: ca, issue } = await testAuthority()
  const server = http2.createSecureServer(await issue({ commonName: 'localhost', usage: 'server' }))
  server.listen(0)
  await once(server, 'listening')
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  const visit = async (more: http2.SecureClientSessionOptions, denied: string[]) => {
    const options = { ca, checkServerIdentity: makeCheck(denied), ...more }
    const session = http2.connect(`https://localhost:${port}`, options)
    try {
      await once(session, 'connect')
      // Tickets come after it.
      await once(
        session.request({ ':path': '/' }).on('error', () => {}),
        'close',
        {
          signal: AbortSignal.timeout(100),
        },
      ).catch(() => {})
      return undefined
    } catch (error) {
      return (error as Error).message
    } finally {
      session.destroy()
    }
  }
  const createConnection = http2CreateConnection({
    cachePartition: 'tenant',
    sessionCache: new SessionCache(),
  })
  for (const denied of await lists()) {
    t.is(await visit({ createConnection }, denied), await visit({}, denied))
  }
})

test('session key: two functions in one partition have different keys', t => {
  const [a, b] = [
    (name: string) => (name ? undefined : new Error('no name')),
    (name: string) => (name === 'a' ? undefined : new Error('not my pin')),
  ].map(checkServerIdentity => sessionKey({ ...base, checkServerIdentity }))
  t.is(typeof a, 'string')
  t.not(a, b)
  t.not(a, sessionKey(base))
})

test('session key: a toString of its own gives no function the key of another', t => {
  const [a, b] = [
    (name: string) => (name ? undefined : new Error('no name of its own')),
    (host: string) => (host ? undefined : new Error('no host of its own')),
  ].map(check =>
    sessionKey({ ...base, checkServerIdentity: Object.assign(check, { toString: () => 'pin' }) }),
  )
  t.is(typeof a, 'string')
  t.not(a, b)
})

test('session key: a toString that throws is never called', t => {
  const check = Object.assign((name: string) => (name ? undefined : new Error('no name at all')), {
    toString() {
      throw new Error('no text')
    },
  })
  for (const partition of [{}, { cachePartition: 'other' }]) {
    t.is(typeof sessionKey({ ...base, ...partition, checkServerIdentity: check }), 'string')
  }
})
