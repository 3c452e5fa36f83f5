/** Threads that get their connections through one port, as far as this Node.js has ways to give them. */
import { once } from 'node:events'
import net, { type AddressInfo } from 'node:net'
import tls from 'node:tls'
import type { Transferable, Worker } from 'node:worker_threads'
import test, { type ExecutionContext } from 'ava'
import { finish, SSL_OP_NO_TICKET, testAuthority } from '../support/server.ts'
import type { OnePortOptions } from '../workers/one-port.ts'
import { startWorker } from '../workers/start.ts'

const THREADS = 3
const VISITS = 24

const KINDS: Record<string, tls.TlsOptions> = {
  'ids of TLS 1.2': { maxVersion: 'TLSv1.2', secureOptions: SSL_OP_NO_TICKET },
  'tickets of TLS 1.2': { maxVersion: 'TLSv1.2' },
  'tickets of TLS 1.3': { minVersion: 'TLSv1.3' },
}

/** Threads that report which of them served what, and the port that leads to all of them. */
interface Site {
  ca: string
  port: number
  /** By thread. */
  served: string[][]
}

for (const [kind, options] of Object.entries(KINDS)) {
  testWhere(
    hasReusePort(),
    `threads that listen on one port resume one another's connections: ${kind}`,
    async t => {
      const ours = await visitAll(await listening(t, options, t.title))
      t.true(ours.filter(each => each.length > 0).length > 1, 'one thread got all connections')
      t.is(ours.flat().filter(how => how === 'full').length, 1)
      const alone = await visitAll(await listening(t, options))
      t.true(alone.flat().filter(how => how === 'full').length > 1, 'with Node alone')
    },
  )

  testWhere(
    canPostSockets(),
    `threads that sockets are posted to resume one another's connections: ${kind}`,
    async t => {
      const site = await posting(t, options, t.title)
      const ours = await visitAll(site)
      t.deepEqual(
        ours.map(each => each.length),
        Array.from({ length: THREADS }, () => VISITS / THREADS),
      )
      t.is(ours.flat().filter(how => how === 'full').length, 1)
      const alone = await visitAll(await posting(t, options))
      t.true(alone.flat().filter(how => how === 'full').length > 1, 'with Node alone')
    },
  )
}

test('one port: what this Node.js cannot do is not tried', t => {
  t.log(`reusePort: ${hasReusePort()}, posting sockets: ${canPostSockets()}`)
  const [major = 0] = process.versions.node.split('.').map(Number)
  // Where they exist, they are tried: a mistake in the detection would otherwise skip the tests.
  if (major >= 22 && process.platform === 'linux') t.true(hasReusePort())
  if (major >= 26) t.true(canPostSockets())
  t.pass()
})

function testWhere(isPossible: boolean, title: string, run: (t: ExecutionContext) => Promise<void>): void {
  if (isPossible) test.serial(title, run)
}

/** Since 22.12 and 23.1, where the system spreads connections. */
function hasReusePort(): boolean {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  const isNew = major > 23 || (major === 23 && minor >= 1) || (major === 22 && minor >= 12)
  return isNew && process.platform === 'linux'
}

/** Since 24.20 and 26.6. */
function canPostSockets(): boolean {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  return major > 26 || (major === 26 && minor >= 6) || (major === 24 && minor >= 20)
}

async function startThread(t: ExecutionContext, options: OnePortOptions) {
  const worker = startWorker('one-port.ts', options)
  t.teardown(() => worker.terminate())
  const [port] = await once(worker, 'message')
  return { worker, port: port as number }
}

async function identityFor(options: tls.TlsOptions) {
  const { cert: ca, issue } = await testAuthority()
  return { ca, options: { ...(await issue({ commonName: 'localhost', usage: 'server' })), ...options } }
}

function listenTo(workers: readonly Worker[]): string[][] {
  const served = workers.map(() => [] as string[])
  for (const [index, worker] of workers.entries()) worker.on('message', how => served[index]?.push(how))
  return served
}

async function listening(t: ExecutionContext, options: tls.TlsOptions, name?: string): Promise<Site> {
  const own = await identityFor(options)
  const named = name === undefined ? {} : { name }
  const first = await startThread(t, { ...named, options: own.options, port: 0 })
  const others = Array.from({ length: THREADS - 1 }, () =>
    startThread(t, { ...named, options: own.options, port: first.port }),
  )
  const workers = [first, ...(await Promise.all(others))].map(({ worker }) => worker)
  return { ca: own.ca, port: first.port, served: listenTo(workers) }
}

async function posting(t: ExecutionContext, options: tls.TlsOptions, name?: string): Promise<Site> {
  const own = await identityFor(options)
  const named = name === undefined ? {} : { name }
  const threads = Array.from({ length: THREADS }, () => startThread(t, { ...named, options: own.options }))
  const workers = (await Promise.all(threads)).map(({ worker }) => worker)
  let next = 0
  const door = net.createServer({ pauseOnConnect: true }, socket => {
    workers[next++ % THREADS]?.postMessage(socket, [socket as unknown as Transferable])
  })
  t.teardown(() => door.close())
  await once(door.listen(0, '127.0.0.1'), 'listening')
  return { ca: own.ca, port: (door.address() as AddressInfo).port, served: listenTo(workers) }
}

/** One client, which offers the session that it got last. What each thread served. */
async function visitAll({ ca, port, served }: Site): Promise<string[][]> {
  let session: Buffer | undefined
  for (let n = 0; n < VISITS; n++) {
    const socket = tls.connect({ port, host: '127.0.0.1', servername: 'localhost', ca, session })
    socket.on('session', made => {
      session = made
    })
    // Node.js emits no session that a TLS 1.2 server renews while it resumes.
    socket.on('secureConnect', () => {
      if (socket.getProtocol() === 'TLSv1.2') session = socket.getSession()
    })
    await finish(socket)
  }
  while (served.flat().length < VISITS) await new Promise(resolve => setTimeout(resolve, 5))
  return served
}
