/** What a wrapper of `tls.createSecureContext` adds can vary, so nothing is resumed with the contexts that it makes. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { once } from 'node:events'
import tls from 'node:tls'
import test, { type ExecutionContext } from 'ava'
import { connect, install, SessionCache, sessionKey, uninstall } from 'tls-resumption'
import { contextDigest } from '../../dist/key/context-digest.js'
import { outcome } from '../support/outcome.ts'
import { finish, startServer, testAuthority } from '../support/server.ts'

interface NativeContext {
  addCACert(pem: string): void
  setCert(pem: string): void
  setKey(pem: string): void
}
type Connect = (options: tls.ConnectionOptions) => tls.TLSSocket

const { connect: plain, createSecureContext } = tls

/** Has each context changed by `add` right after Node made it. */
function wrap(add: (native: NativeContext) => void): void {
  const under = tls.createSecureContext
  tls.createSecureContext = options => {
    const made = under(options)
    add(made.context as NativeContext)
    return made
  }
}

test.afterEach.always(() => {
  uninstall()
  tls.createSecureContext = createSecureContext
})

/** How a wrapper and the package can come together. Each returns what connects. */
const WAYS: Record<string, (add: (native: NativeContext) => void) => Connect> = {
  'plain Node': add => {
    wrap(add)
    return plain
  },
  'connect()': add => {
    wrap(add)
    const sessionCache = new SessionCache()
    return options => connect({ ...options, sessionCache })
  },
  'install() before the wrapper': add => {
    install({ sessionCache: new SessionCache() })
    wrap(add)
    return options => tls.connect(options)
  },
  'install() after the wrapper': add => {
    wrap(add)
    install({ sessionCache: new SessionCache() })
    return options => tls.connect(options)
  },
}

/** A CA that the wrapper adds, but not for the third connection. */
async function visitWithdrawn(t: ExecutionContext, maxVersion: tls.SecureVersion, way: string) {
  const { port, ca } = await startServer(t, { maxVersion })
  const list = [ca]
  const by = WAYS[way]?.(native => {
    for (const pem of list) native.addCACert(pem)
  }) as Connect
  const refusals: unknown[] = []
  for (let round = 0; round < 3; round++) {
    if (round === 2) list.pop()
    refusals.push((await outcome(by({ port, servername: 'localhost' }))).refused)
  }
  return refusals
}

/** The client certificate of the current tenant, which the wrapper adds. Returns the names that the server saw. */
async function visitTenants(t: ExecutionContext, maxVersion: tls.SecureVersion, way: string) {
  const { cert: ca, issue } = await testAuthority()
  const options = { maxVersion, requestCert: true, rejectUnauthorized: false, ca }
  const { server, port } = await startServer(t, options)
  const identities: Record<string, { cert: string; key: string }> = {
    alice: await issue({ commonName: 'alice', usage: 'client' }),
    bob: await issue({ commonName: 'bob', usage: 'client' }),
  }
  const tenant = new AsyncLocalStorage<string>()
  const by = WAYS[way]?.(native => {
    const identity = identities[tenant.getStore() ?? '']
    if (identity === undefined) return
    native.setCert(identity.cert)
    native.setKey(identity.key)
  }) as Connect
  const seen: (string | undefined)[] = []
  for (const name of ['alice', 'bob', 'no tenant']) {
    const accepted = once(server, 'secureConnection')
    await tenant.run(name, () => finish(by({ port, ca, servername: 'localhost' })))
    const [socket] = (await accepted) as [tls.TLSSocket]
    seen.push(socket.getPeerCertificate().subject?.CN as string | undefined)
  }
  return seen
}

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  for (const way of Object.keys(WAYS).slice(1)) {
    test.serial(
      `${version}, ${way}: a CA that a wrapper adds is trusted no longer than it adds it`,
      async t => {
        const expected = await visitWithdrawn(t, version, 'plain Node')
        tls.createSecureContext = createSecureContext
        t.deepEqual(await visitWithdrawn(t, version, way), expected)
        t.is(expected[1], undefined)
        t.is(expected[2], 'UNABLE_TO_VERIFY_LEAF_SIGNATURE')
      },
    )

    test.serial(
      `${version}, ${way}: no tenant is taken for one whose certificate a wrapper added`,
      async t => {
        const expected = await visitTenants(t, version, 'plain Node')
        tls.createSecureContext = createSecureContext
        t.deepEqual(await visitTenants(t, version, way), expected)
        t.deepEqual(expected, ['alice', 'bob', undefined])
      },
    )
  }
}

test.serial(
  'context digest: undefined while another package makes the contexts, the same again afterwards',
  t => {
    const base = { host: 'db.example', port: 5432 }
    const [digest, key] = [contextDigest({}), sessionKey(base)]
    wrap(() => {})
    t.is(contextDigest({}), undefined)
    t.is(sessionKey(base), undefined)
    tls.createSecureContext = createSecureContext
    t.is(contextDigest({}), digest)
    t.is(sessionKey(base), key)
  },
)
