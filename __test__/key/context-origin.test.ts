/** A SecureContext that is changed in place counts by what it is then, also if `install()` was never called. */
import { once } from 'node:events'
import tls from 'node:tls'
import test, { type ExecutionContext } from 'ava'
import { connect, install, SessionCache, sessionKey, uninstall } from 'tls-resumption'
import { finish, startServer, testAuthority } from '../support/server.ts'

type Changeable = tls.SecureContext & {
  context: { setCert(pem: string): void; setKey(pem: string): void; addCACert(pem: string): void }
}
type Connect = (options: tls.ConnectionOptions) => tls.TLSSocket

const plain = tls.connect
const prototypeOf = (context: tls.SecureContext) => Object.getPrototypeOf(context.context)
/** All that a program can see of the methods of native contexts. */
function describeMethods(): unknown[] {
  const prototype = prototypeOf(tls.createSecureContext())
  return Object.entries(Object.getOwnPropertyDescriptors(prototype)).map(([name, { value, ...flags }]) => [
    name,
    ...(typeof value === 'function'
      ? [value.name, value.length, /native code/.test(String(value)), Reflect.ownKeys(value)]
      : []),
    flags,
  ])
}
const before = describeMethods()

/** A context that presents alice at first, and bob from the third connection on. Returns the names that the server saw. */
async function visit(
  t: ExecutionContext,
  version: tls.SecureVersion,
  secureContext: tls.SecureContext,
  by: Connect,
) {
  const { cert: ca, issue } = await testAuthority()
  const { server, port } = await startServer(t, { requestCert: true, ca, maxVersion: version })
  const seen: string[] = []
  for (const name of ['alice', 'alice', 'bob']) {
    if (name === 'bob') {
      const { cert, key } = await issue({ commonName: name, usage: 'client' })
      ;(secureContext as Changeable).context.setCert(cert)
      ;(secureContext as Changeable).context.setKey(key)
    }
    const accepted = once(server, 'secureConnection')
    await finish(by({ port, servername: 'localhost', secureContext }))
    const [socket] = (await accepted) as [tls.TLSSocket]
    seen.push(socket.getPeerCertificate().subject.CN as string)
  }
  return seen
}

const alice = async () => {
  const { cert: ca, issue } = await testAuthority()
  return tls.createSecureContext({ ca, ...(await issue({ commonName: 'alice', usage: 'client' })) })
}

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  // First, since an install stays in force for contexts.
  test.serial(`${version}: connect() notices a changed context when nothing was ever installed`, async t => {
    const sessionCache = new SessionCache()
    const expected = await visit(t, version, await alice(), plain)
    t.deepEqual(
      await visit(t, version, await alice(), options => connect({ ...options, sessionCache })),
      expected,
    )
    t.true(sessionCache.stats().hits > 0, 'the second connection had a session to offer')
  })
}

test.serial('context: the methods look as Node made them once contexts are watched', t => {
  t.truthy(sessionKey({ host: 'db.example', port: 1, secureContext: tls.createSecureContext() }))
  t.deepEqual(describeMethods(), before)
})

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  for (const when of ['before', 'after'] as const) {
    test.serial(`${version}: install() notices a changed context that was made ${when} it`, async t => {
      const expected = await visit(t, version, await alice(), plain)
      t.teardown(uninstall)
      const early = await alice()
      install({ sessionCache: new SessionCache() })
      const secureContext = when === 'before' ? early : await alice()
      t.deepEqual(await visit(t, version, secureContext, options => tls.connect(options)), expected)
    })
  }
}

test.serial('context: one without a native part, whose changes go unnoticed, is not cacheable', t => {
  for (const secureContext of [{}, { context: null }, { context: 'native' }]) {
    t.is(sessionKey({ host: 'db.example', port: 1, secureContext: secureContext as never }), undefined)
  }
})

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  test.serial(`${version}: a context for a single connection works as with plain Node`, async t => {
    const { port, ca } = await startServer(t, { maxVersion: version })
    const options = () => ({
      port,
      servername: 'localhost',
      secureContext: tls.createSecureContext({ ca, singleUse: true } as tls.SecureContextOptions),
    })
    /** The second connection uses the context that the first one closed; the third one has its own. */
    const outcomes = async (by: Connect) => {
      const shared = options()
      const first = await finish(by(shared))
      let second: unknown
      try {
        second = (await finish(by(shared))).authorized
      } catch (error) {
        second = (error as Error).message
      }
      return { first: first.authorized, second, third: (await finish(by(options()))).authorized }
    }
    const expected = await outcomes(plain)
    const sessionCache = new SessionCache()
    t.deepEqual(await outcomes(given => connect({ ...given, sessionCache })), expected)
    t.teardown(uninstall)
    install({ sessionCache })
    t.deepEqual(await outcomes(given => tls.connect(given)), expected)
    t.true((await finish(tls.connect(options()))).resumed, 'made from the same options')
  })
}
