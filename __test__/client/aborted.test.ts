/** A connection that is aborted, at any time, does not end the process unless plain Node does. */
import { once } from 'node:events'
import http2 from 'node:http2'
import net, { type AddressInfo } from 'node:net'
import test, { type ExecutionContext } from 'ava'
import { connect, SessionCache } from 'tls-resumption'
import { outcome } from '../support/outcome.ts'
import { finish, startServer, testAuthority } from '../support/server.ts'
import { type Ended, runProgram } from '../workers/spawn.ts'

const AUTO = ['--import', 'tls-resumption/auto']
const WAYS = [
  'before',
  'in the next tick',
  'when connected',
  'when secure',
  'by destroy() in lookup',
  'of http2',
]

async function startHttp2(t: ExecutionContext): Promise<number> {
  const { issue } = await testAuthority()
  const server = http2.createSecureServer(await issue({ commonName: 'localhost', usage: 'server' }))
  server.on('session', session => session.on('error', () => {})).on('tlsClientError', () => {})
  t.teardown(() => server.close())
  await once(server.listen(0), 'listening')
  return (server.address() as AddressInfo).port
}

const summary = ({ code, signal, stdout }: Ended) => ({ code, signal, stdout })

for (const way of WAYS) {
  for (const host of ['localhost', '127.0.0.1']) {
    test.serial(
      `a connection to ${host} that is aborted ${way} does what it does with plain Node`,
      async t => {
        const port = way === 'of http2' ? await startHttp2(t) : (await startServer(t)).port
        const run = (...flags: string[]) => runProgram(flags, 'aborted.cjs', way, String(port), host)
        const [plain, ours] = [await run(), await run(...AUTO)]
        // Where plain Node crashes, as in one case on some versions, more cannot be asked.
        if (plain.code === 0) t.deepEqual(summary(ours), summary(plain))
        else t.true(ours.code === 0 || ours.signal === plain.signal)
      },
    )
  }
}

test('a connection that is aborted while it waits for another ends with an AbortError and costs no session', async t => {
  const { port, ca } = await startServer(t)
  // Accepts connections, and answers none until a message asks for it.
  const fronts: net.Socket[] = []
  const front = net.createServer(socket => fronts.push(socket.on('error', () => {})))
  t.teardown(() => front.close())
  await once(front.listen(0, '127.0.0.1'), 'listening')
  const sessionCache = new SessionCache()
  const options = { host: '127.0.0.1', servername: 'localhost', ca, sessionCache }
  const leader = connect({ ...options, port: (front.address() as AddressInfo).port })
  await once(leader, 'connect')
  const controller = new AbortController()
  const follower = connect({
    ...options,
    port: (front.address() as AddressInfo).port,
    signal: controller.signal,
  } as never)
  follower.once('connect', () => setImmediate(() => controller.abort()))
  const [error] = await once(follower, 'error')
  t.is(error.name, 'AbortError')
  leader.destroy()
  for (const socket of fronts) socket.destroy()
  await outcome(leader)
  await finish(connect({ ...options, port }))
  t.true((await finish(connect({ ...options, port }))).resumed)
})

test('a process that ends while a connection waits ends at once, with its own code', async t => {
  const front = net.createServer(socket => socket.on('error', () => {}))
  t.teardown(() => front.close())
  await once(front.listen(0, '127.0.0.1'), 'listening')
  const { port } = front.address() as AddressInfo
  const { code, signal, stdout } = await runProgram(AUTO, 'waiting.mjs', String(port))
  t.deepEqual({ code, signal, stdout }, { code: 7, signal: null, stdout: 'ended' })
})
