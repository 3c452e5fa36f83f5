/** Servers of several processes whose ticket keys are in one file. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import tls from 'node:tls'
import test, { type ExecutionContext } from 'ava'
import { SessionCache, TicketKeys } from 'tls-resumption'
import { outcome, sessionOf } from '../support/outcome.ts'
import { testAuthority } from '../support/server.ts'
import { hasSharedFiles, pathOnTmpfs } from '../support/shared-file.ts'

const linuxTest = hasSharedFiles ? test : test.skip

interface RingServer {
  port: number
  ask(what: 'rotate' | 'revoke' | 'keys'): Promise<number>
  kill(): Promise<void>
}

async function startRing(
  t: ExecutionContext,
  path: string,
  settings: { rotateEvery?: number; isVerifying?: boolean } = {},
  ...execArgv: string[]
): Promise<RingServer> {
  const { issue } = await testAuthority()
  const identity = await issue({ commonName: 'localhost', dnsNames: ['localhost'], usage: 'server' })
  const script = new URL('../workers/ring-in-file.ts', import.meta.url)
  const child = fork(script, [JSON.stringify({ path, ...settings, ...identity })], {
    execArgv: [...process.execArgv, ...execArgv],
  })
  t.teardown(() => child.kill('SIGKILL'))
  const [port] = await once(child, 'message')
  return {
    port,
    async ask(what) {
      child.send(what)
      return (await once(child, 'message'))[0]
    },
    async kill() {
      child.kill('SIGKILL')
      await once(child, 'exit')
    },
  }
}

for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
  linuxTest(
    `${maxVersion}: tickets in a file: two processes that restart in turns accept each other's`,
    async t => {
      const { cert: ca } = await testAuthority()
      const path = pathOnTmpfs(t)
      const options = ({ port }: RingServer) => ({ port, ca, servername: 'localhost', maxVersion })
      let [one, two] = await Promise.all([startRing(t, path), startRing(t, path)])
      let session = await sessionOf(options(one))
      const isResumed = async (server: RingServer) =>
        (await outcome(tls.connect({ ...options(server), session }))).resumed
      t.true(await isResumed(two), 'of another process')
      await one.kill()
      one = await startRing(t, path)
      t.true(await isResumed(one), 'of one that was killed')
      await two.ask('rotate')
      t.true(await isResumed(one), 'of the key before')
      t.is(await one.ask('keys'), 2)
      session = await sessionOf(options(one))
      await two.kill()
      two = await startRing(t, path)
      t.true(await isResumed(two), 'of the key that another process made')
    },
  )
}

linuxTest('tickets in a file: after revokeSessions and a restart none is accepted', async t => {
  const { cert: ca } = await testAuthority()
  const path = pathOnTmpfs(t)
  const one = await startRing(t, path)
  const options = ({ port }: RingServer) => ({ port, ca, servername: 'localhost' })
  const session = await sessionOf(options(one))
  await one.ask('revoke')
  t.false((await outcome(tls.connect({ ...options(one), session }))).resumed)
  await one.kill()
  const again = await startRing(t, path)
  t.false((await outcome(tls.connect({ ...options(again), session }))).resumed)
})

async function isAccepted(one: RingServer, two: RingServer): Promise<boolean> {
  const { cert: ca } = await testAuthority()
  const options = ({ port }: RingServer) => ({ port, ca, servername: 'localhost' })
  const session = await sessionOf(options(one))
  return (await outcome(tls.connect({ ...options(two), session }))).resumed
}

linuxTest('tickets in a file: a process that trusts otherwise accepts none', async t => {
  const path = pathOnTmpfs(t)
  const [one, two] = await Promise.all([1, 2].map(() => startRing(t, path)))
  const other = await startRing(t, path, {}, '--openssl-legacy-provider')
  t.true(await isAccepted(one as RingServer, two as RingServer))
  t.false(await isAccepted(one as RingServer, other))
  t.false(await isAccepted(other, one as RingServer))
})

linuxTest(
  'tickets in a file: clients that are verified by default CAs resume only where those are the same',
  async t => {
    const path = pathOnTmpfs(t)
    const isVerifying = true
    const [one, two] = await Promise.all([1, 2].map(() => startRing(t, path, { isVerifying })))
    t.true(await isAccepted(one as RingServer, one as RingServer))
    // Before Node.js 22.15 their content is not known.
    t.is(await isAccepted(one as RingServer, two as RingServer), 'getCACertificates' in tls)
  },
)

linuxTest('tickets in a file: other options warn, and the longest keep holds', async t => {
  const path = pathOnTmpfs(t)
  const one = new TicketKeys({ path, rotateEvery: 3_600_000, keep: 3 })
  const warned = once(process, 'warning')
  const two = new TicketKeys({ path, rotateEvery: 1_800_000, keep: 5 })
  const [{ code, message }] = (await warned) as [NodeJS.ErrnoException]
  t.is(code, 'TLS_RESUMPTION_RING_OPTIONS')
  t.regex(message, /rotateEvery is 3600000, asked for 1800000/)
  t.regex(message, /tls-resumption cache .* --remove/)
  for (let n = 0; n < 6; n++) await one.rotate()
  t.is(two.stats().keys.length, 5)
  t.deepEqual(two.stats().keys, one.stats().keys)
})

linuxTest('tickets in a file: options that say otherwise where keys come from do not go with a path', t => {
  const path = pathOnTmpfs(t)
  t.throws(() => new TicketKeys({ path, name: 'x' }), { code: 'ERR_INVALID_ARG_TYPE' })
  t.throws(() => new TicketKeys({ path, source: { files: ['x'] } }), { code: 'ERR_INVALID_ARG_TYPE' })
  new SessionCache({ path })
  t.throws(() => new TicketKeys({ path }), { code: 'ERR_TLS_RESUMPTION_NAME_CONFLICT' }, 'a file of clients')
  new SessionCache({ path: `${path}2`, serves: 'servers' })
  t.notThrows(() => new TicketKeys({ path: `${path}2` }))
})
