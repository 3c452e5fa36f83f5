/** A peer with large certificates must not evict the chains of other peers. */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import tls from 'node:tls'
import test, { type ExecutionContext } from 'ava'
import { connect, SessionCache } from 'tls-resumption'
import { makeChain } from '../support/chains.ts'
import { finish } from '../support/server.ts'
import { hasSharedFiles, pathOnTmpfs } from '../support/shared-file.ts'

const FULL = { resumed: false, authorized: true }
const RESUMED = { resumed: true, authorized: true }

/** Starts a server whose intermediate has this many bytes more. Returns the options of a client. */
async function listen(t: ExecutionContext, version: tls.SecureVersion, extraBytes: number) {
  const { root, identity } = await makeChain({ intermediate: { extraBytes } })
  const only = { minVersion: version, maxVersion: version }
  const server = tls.createServer({ ...identity, ...only }, socket => socket.on('error', () => {}).end('!'))
  t.teardown(() => server.close())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  return { port, host: '127.0.0.1', servername: 'localhost', ca: root.cert }
}

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`large chains: ${version} a chain as large as one of ML-DSA-87 resumes`, async t => {
    const options = { ...(await listen(t, version, 25_000)), sessionCache: new SessionCache() }
    t.deepEqual(await finish(connect(options)), FULL)
    t.deepEqual(await finish(connect(options)), RESUMED)
  })

  const linuxTest = hasSharedFiles ? test : test.skip
  linuxTest(`large chains: ${version} a session whose chain a file does not take is not stored`, async t => {
    const options = {
      ...(await listen(t, version, 25_000)),
      sessionCache: new SessionCache({ path: pathOnTmpfs(t) }),
    }
    for (let n = 0; n < 2; n++) {
      t.deepEqual(await finish(connect(options)), FULL)
      t.is(options.sessionCache.size, 0)
    }
  })

  test(`large chains: ${version} a session with a larger one is not stored`, async t => {
    const options = { ...(await listen(t, version, 35_000)), sessionCache: new SessionCache() }
    t.deepEqual(await finish(tls.connect(options)), FULL)
    t.deepEqual(await finish(connect(options)), FULL)
    t.is(options.sessionCache.size, 0)
    t.deepEqual(await finish(connect(options)), FULL)
  })
}
