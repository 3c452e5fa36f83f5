/** revokeSessions() ends session IDs and tickets. Serial, since all servers here have one identity. */
import { once } from 'node:events'
import tls from 'node:tls'
import { Worker } from 'node:worker_threads'
import test, { type ExecutionContext } from 'ava'
import { resumeSessions, revokeSessions, SessionCache, TicketKeys } from 'tls-resumption'
import { finish, SSL_OP_NO_TICKET, startServer, type TestServer, testAuthority } from '../support/server.ts'
import { runProgram, TYPESCRIPT } from '../workers/spawn.ts'

const KINDS: Record<string, tls.SecureContextOptions> = {
  'TLSv1.2 with session IDs': { maxVersion: 'TLSv1.2', secureOptions: SSL_OP_NO_TICKET },
  'TLSv1.2 with tickets': { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' },
  'TLSv1.3 with tickets': { minVersion: 'TLSv1.3', maxVersion: 'TLSv1.3' },
}

/** Returns a function that reconnects with the last session, and resolves with whether it resumed. */
function client({ port, ca }: Pick<TestServer, 'port' | 'ca'>, options: tls.ConnectionOptions) {
  let session: Buffer | undefined
  return async (to = port) => {
    const socket = tls.connect({
      port: to,
      host: '127.0.0.1',
      servername: 'localhost',
      ca,
      session,
      ...options,
    })
    socket.on('session', made => {
      session = made
    })
    return (await finish(socket)).resumed
  }
}

async function startTwo(t: ExecutionContext, prepare: (server: tls.Server) => void) {
  const servers = [await startServer(t), await startServer(t)] as const
  for (const { server } of servers) prepare(server)
  return servers
}

const USES: Record<string, (name: string) => (server: tls.Server) => void> = {
  'IDs and a ring': name => server => {
    resumeSessions(server, { sessionCache: new SessionCache({ name }) })
    new TicketKeys({ name }).attach(server)
  },
  // Its tickets are Node's own.
  'IDs only': name => server => resumeSessions(server, { sessionCache: new SessionCache({ name }) }),
}

for (const [use, prepare] of Object.entries(USES)) {
  for (const [kind, options] of Object.entries(KINDS)) {
    test.serial(
      `revokeSessions: ${kind}, ${use}: no session from before resumes, at any server of the identity`,
      async t => {
        const [one, other] = await startTwo(t, prepare(t.title))
        const reconnects = client(one, options)
        const reconnectsOther = client(other, options)
        t.deepEqual([await reconnects(), await reconnects()], [false, true])
        t.deepEqual([await reconnectsOther(), await reconnectsOther()], [false, true])
        await revokeSessions(one.server)
        t.false(await reconnects())
        t.false(await reconnectsOther())
        t.true(await reconnects(), 'sessions from then on resume')
        t.true(await reconnectsOther())
      },
    )
  }
}

test.serial('revokeSessions: a server of another identity keeps its sessions', async t => {
  const { issue } = await testAuthority()
  const identity = await issue({
    commonName: 'other',
    dnsNames: ['localhost', 'other.example'],
    usage: 'server',
  })
  const [one, other] = [await startServer(t), await startServer(t, identity)]
  for (const { server } of [one, other]) new TicketKeys({ name: t.title }).attach(server)
  const reconnects = client(other, {})
  t.deepEqual([await reconnects(), await reconnects()], [false, true])
  await revokeSessions(one.server)
  t.true(await reconnects())
})

test.serial('revokeSessions: setSecureContext does not bring revoked sessions back', async t => {
  const { issue } = await testAuthority()
  const identity = await issue({ commonName: 'localhost', usage: 'server' })
  const { server, port, ca } = await startServer(t, identity)
  new TicketKeys().attach(server)
  const reconnects = client({ port, ca }, { maxVersion: 'TLSv1.2' })
  await reconnects()
  await revokeSessions(server)
  server.setSecureContext(identity)
  t.false(await reconnects())
})

test.serial('revokeSessions: concurrent calls end the sessions from before each of them', async t => {
  const { server, port, ca } = await startServer(t)
  new TicketKeys().attach(server)
  const reconnects = client({ port, ca }, {})
  await reconnects()
  await Promise.all([revokeSessions(server), revokeSessions(server), revokeSessions(server)])
  t.deepEqual([await reconnects(), await reconnects()], [false, true])
})

test.serial('revokeSessions: it takes effect in all threads', async t => {
  const name = t.title
  const { cert: ca, issue } = await testAuthority()
  const identity = await issue({ commonName: 'localhost', usage: 'server' })
  const { server } = await startServer(t, identity)
  new TicketKeys({ name }).attach(server)
  const worker = new Worker(new URL('../workers/tickets.ts', import.meta.url), {
    workerData: { name, identity },
  })
  t.teardown(() => worker.terminate())
  const [port] = await once(worker, 'message')
  const reconnects = client({ port, ca }, {})
  t.deepEqual([await reconnects(), await reconnects()], [false, true])
  await revokeSessions(server)
  t.deepEqual([await reconnects(), await reconnects()], [false, true])
})

test.serial('revokeSessions: it takes effect in all workers of a cluster', async t => {
  const { issue } = await testAuthority()
  const identity = await issue({ commonName: 'localhost', usage: 'server' })
  const run = async (options: object) => {
    const argument = JSON.stringify({ ...options, identity, step: 'revoke in a worker' })
    const { code, stdout, stderr } = await runProgram(TYPESCRIPT, 'edge.ts', argument)
    t.is(code, 0, stderr)
    return JSON.parse(stdout)
  }
  const led = await run({ workers: ['ids', 'ring'], primary: 'early' })
  t.is(led.said, 'done')
  t.deepEqual([led['TLSv1.2 after it'], led['TLSv1.3 after it']], [false, false])
  t.deepEqual(led.afterwards, { 'TLSv1.2': 'all', 'TLSv1.3': 'all' })
  const alone = await run({ workers: ['ids', 'ring'] })
  t.is(alone.said, 'ERR_TLS_RESUMPTION_REVOCATION', 'a primary without the package cannot distribute it')
})

test.serial('revokeSessions: what it cannot work with is rejected', async t => {
  await t.throwsAsync(revokeSessions({} as never), { code: 'ERR_INVALID_ARG_TYPE' })
  await t.throwsAsync(revokeSessions(tls.createServer()), { code: 'ERR_TLS_RESUMPTION_REVOCATION' })
})
