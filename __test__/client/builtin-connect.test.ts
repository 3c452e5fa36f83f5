/** A wrapper of `tls.connect` may change the options that a session key was derived from, so nothing resumes through it. */
import tls from 'node:tls'
import test, { type ExecutionContext } from 'ava'
import { clientStats, connect, install, SessionCache, uninstall } from 'tls-resumption'
import { isBuiltinConnect } from '../../dist/client/builtin-connect.js'
import { outcome } from '../support/outcome.ts'
import { startServer } from '../support/server.ts'

type Connect = (options: tls.ConnectionOptions) => tls.TLSSocket
const plain = tls.connect

test.afterEach.always(() => {
  uninstall()
  tls.connect = plain
})

/** Has each connection trust the CAs of a list as it is then. */
function wrap(list: readonly string[]): void {
  const under = tls.connect as Connect
  tls.connect = ((options: tls.ConnectionOptions) => under({ ...options, ca: [...list] })) as typeof plain
}

const WAYS: Record<string, () => Connect> = {
  'plain Node': () => options => tls.connect(options),
  'connect()': () => {
    const sessionCache = new SessionCache()
    return options => connect({ ...options, sessionCache })
  },
  'install()': () => {
    install({ sessionCache: new SessionCache() })
    return options => tls.connect(options)
  },
}

/** Three connections, of which the last one must not trust the peer any more. */
async function visit(t: ExecutionContext, maxVersion: tls.SecureVersion, way: string) {
  const { port, ca } = await startServer(t, { maxVersion })
  const list = [ca]
  wrap(list)
  const by = WAYS[way]?.() as Connect
  const refusals: unknown[] = []
  for (let round = 0; round < 3; round++) {
    if (round === 2) list.pop()
    refusals.push((await outcome(by({ port, servername: 'localhost' }))).refused)
  }
  uninstall()
  tls.connect = plain
  return refusals
}

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  for (const way of ['connect()', 'install()']) {
    test.serial(
      `${version}, ${way}: a CA that a wrapper of tls.connect adds is trusted as with plain Node`,
      async t => {
        const expected = await visit(t, version, 'plain Node')
        t.deepEqual(expected, [undefined, undefined, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'])
        const { uncacheable } = clientStats()
        t.deepEqual(await visit(t, version, way), expected)
        t.is(clientStats().uncacheable, uncacheable + 3, 'and it is reported')
      },
    )
  }
}

test.serial("builtin connect: recognizes Node's function and install() around it, but no wrapper", t => {
  t.true(isBuiltinConnect(plain))
  install({ sessionCache: null })
  t.not(tls.connect, plain)
  t.true(isBuiltinConnect(tls.connect))
  wrap([])
  t.false(isBuiltinConnect(tls.connect))
  uninstall()
  tls.connect = plain
  wrap([])
  install({ sessionCache: null })
  t.false(isBuiltinConnect(tls.connect))
})
