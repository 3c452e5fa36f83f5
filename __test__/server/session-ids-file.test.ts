/** Servers of several processes whose session IDs are in one file. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import tls from 'node:tls'
import test, { type ExecutionContext } from 'ava'
import { connect, resumeSessions, SessionCache } from 'tls-resumption'
import { outcome, sessionOf } from '../support/outcome.ts'
import { testAuthority } from '../support/server.ts'
import { hasSharedFiles, pathOnTmpfs } from '../support/shared-file.ts'

const linuxTest = hasSharedFiles ? test : test.skip

async function startIds(t: ExecutionContext, path: string, ...execArgv: string[]) {
  const { issue } = await testAuthority()
  const identity = await issue({ commonName: 'localhost', dnsNames: ['localhost'], usage: 'server' })
  const script = new URL('../workers/ids-in-file.ts', import.meta.url)
  const child = fork(script, [JSON.stringify({ path, ...identity })], {
    execArgv: [...process.execArgv, ...execArgv],
  })
  t.teardown(() => child.kill('SIGKILL'))
  const [port] = await once(child, 'message')
  return { child, port: port as number }
}

linuxTest(
  'session IDs in a file: another process resumes them, unless it trusts otherwise or they are revoked',
  async t => {
    const { cert: ca } = await testAuthority()
    const path = pathOnTmpfs(t)
    const [one, two] = await Promise.all([startIds(t, path), startIds(t, path)])
    const options = { ca, servername: 'localhost' }
    const session = await sessionOf({ port: one.port, ...options })
    const isResumed = async (port: number) =>
      (await outcome(tls.connect({ port, ...options, session }))).resumed
    t.true(await isResumed(one.port), 'by its own process')
    t.true(await isResumed(two.port), 'by another one')
    const other = await startIds(t, path, '--openssl-legacy-provider')
    t.false(await isResumed(other.port), 'by one with another configuration')
    one.child.send('revoke')
    await once(one.child, 'message')
    t.false(await isResumed(one.port))
    t.false(await isResumed(two.port))
    t.false(await isResumed((await startIds(t, path)).port), 'after a restart')
  },
)

linuxTest('cache in a file: a file for one side is refused by the other one', t => {
  const [clients, servers] = [pathOnTmpfs(t), pathOnTmpfs(t)]
  const server = tls.createServer()
  const expected = { code: 'ERR_INVALID_ARG_TYPE' }
  t.throws(() => resumeSessions(server, { sessionCache: new SessionCache({ path: clients }) }), expected)
  const sessionCache = new SessionCache({ path: servers, serves: 'servers' })
  t.throws(() => connect({ port: 1, sessionCache }), expected)
  t.notThrows(() => resumeSessions(server, { sessionCache }))
})
