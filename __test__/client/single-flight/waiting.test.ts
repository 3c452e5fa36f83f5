/** Waiting for the session of another connection never costs what a caller notices. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import net from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import tls from 'node:tls'
import { Worker } from 'node:worker_threads'
import test, { type ExecutionContext } from 'ava'
import { type ClientMessage, connect, SessionCache } from 'tls-resumption'
import { outcome } from '../../support/outcome.ts'
import { finish, startServer, testAuthority } from '../../support/server.ts'
import { startSlowRelay } from '../../support/slow-relay.ts'

type Open = (options: tls.ConnectionOptions) => tls.TLSSocket

/** The longest that a connection may wait, in milliseconds, and what a busy machine adds to a timer. */
const MAX_WAIT = 250 + 200

/** Starts a server that keeps its connections open after it has sent one byte. */
async function startOpen(t: ExecutionContext, version: tls.SecureVersion) {
  const { cert: ca, issue } = await testAuthority()
  const identity = await issue({ commonName: 'localhost', dnsNames: ['localhost'], usage: 'server' })
  const server = tls.createServer({ ...identity, minVersion: version, maxVersion: version }, socket => {
    socket.on('error', () => {}).write('!')
  })
  server.on('tlsClientError', () => {})
  t.teardown(() => server.close())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return { port: (server.address() as net.AddressInfo).port, ca }
}

/** Collects how long connections have waited. */
function listenToWaits(t: ExecutionContext): number[] {
  const waits: number[] = []
  const hear = (message: unknown) => {
    waits.push((message as ClientMessage & { waitTime: number }).waitTime)
  }
  subscribe('tls-resumption:client', hear)
  t.teardown(() => unsubscribe('tls-resumption:client', hear))
  return waits
}

test.serial('a thread that computes while it leads does not delay another thread', async t => {
  const thread = async (data: object) => {
    const worker = new Worker(new URL('../../workers/computes.ts', import.meta.url), { workerData: data })
    t.teardown(() => worker.terminate())
    await once(worker, 'message')
    return worker
  }
  /** Returns how long the connection of one thread takes while another one computes within its own. */
  const measure = async (name: string | undefined) => {
    const { cert: ca } = await testAuthority()
    const data = { host: '127.0.0.1', servername: 'localhost', ca, name }
    const [busy, other] = [await thread(data), await thread(data)]
    const times: number[] = []
    for (let round = 0; round < 3; round++) {
      const { port } = await startServer(t)
      busy.postMessage({ port, computes: 900 })
      await once(busy, 'message')
      const took: number[] = []
      const ended = new Promise<void>(resolve => {
        const hear = (message: unknown) => {
          if (typeof message !== 'number') return
          took.push(message)
          other.off('message', hear)
          resolve()
        }
        other.on('message', hear)
      })
      const busyEnded = once(busy, 'message')
      other.postMessage({ port, computes: 0 })
      await Promise.all([ended, busyEnded])
      times.push(...took)
    }
    return Math.max(...times)
  }
  const plain = await measure(undefined)
  const ours = await measure(`busy ${process.pid}`)
  t.true(ours <= plain + 300, `${ours} ms, plain ${plain} ms`)
})

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  test.serial(
    `${version}: connections at once to a slow peer meet a timeout that plain Node meets`,
    async t => {
      const waits = listenToWaits(t)
      const { port, ca } = await startOpen(t, version)
      const slow = await startSlowRelay(t, port, () => 700)
      const timeouts = async (open: Open) => {
        const dial = () =>
          new Promise<number>(resolve => {
            const socket = open({ port: slow, host: '127.0.0.1', servername: 'localhost', ca })
            const timer = setTimeout(() => {
              socket.destroy()
              resolve(1)
            }, 1400)
            const end = (count: number) => () => {
              clearTimeout(timer)
              resolve(count)
              setTimeout(() => socket.destroy(), 100)
            }
            socket.on('error', end(1)).once('secureConnect', end(0))
          })
        const counts: number[] = []
        for (let round = 0; round < 2; round++) {
          const each = await Promise.all(Array.from({ length: 8 }, dial))
          counts.push(each.reduce((sum, one) => sum + one))
          await sleep(300)
        }
        return counts
      }
      const plain = await timeouts(tls.connect)
      const sessionCache = new SessionCache()
      const ours = await timeouts(options => connect({ ...options, sessionCache }))
      t.true(
        ours.every((count, round) => count <= (plain[round] ?? 0)),
        `${ours}, plain ${plain}`,
      )
      t.true(Math.max(...waits) <= MAX_WAIT, `${waits}`)
    },
  )

  test.serial(
    `${version}: of connections in pairs the faster one resumes, though the other is destroyed`,
    async t => {
      const { port, ca } = await startOpen(t, version)
      let count = 0
      const relay = await startSlowRelay(t, port, () => (count++ % 2 === 0 ? 20 : 60))
      const sessionCache = new SessionCache()
      const dial = () => {
        const options = { port: relay, host: '127.0.0.1', servername: 'localhost', ca, sessionCache }
        return connect(options).on('error', () => {})
      }
      const first = dial()
      await once(first, 'secureConnect')
      await sleep(100)
      first.destroy()
      let resumed = 0
      for (let round = 0; round < 10; round++) {
        const pair = [dial(), dial()]
        const winner = await Promise.race(
          pair.map(async socket => {
            await once(socket, 'secureConnect')
            return socket
          }),
        )
        for (const socket of pair) if (socket !== winner) socket.destroy()
        if (winner.isSessionReused()) resumed++
        await sleep(50)
        winner.destroy()
        await sleep(20)
      }
      t.true(resumed >= 9, `${resumed} of 10`)
    },
  )
}

test.serial('connections to many cold peers at once wait for none of each other', async t => {
  const waits = listenToWaits(t)
  const { server, ca } = await startServer(t)
  const PEERS = 500
  const fronts = await Promise.all(
    Array.from({ length: PEERS }, async () => {
      const front = net.createServer(socket => server.emit('connection', socket))
      t.teardown(() => front.close())
      await once(front.listen(0, '127.0.0.1'), 'listening')
      return (front.address() as net.AddressInfo).port
    }),
  )
  const sessionCache = new SessionCache({ max: 4096 })
  const visit = () =>
    Promise.all(
      fronts.map(port =>
        outcome(connect({ port, host: '127.0.0.1', servername: 'localhost', ca, sessionCache })),
      ),
    )
  const cold = await visit()
  t.is(cold.filter(({ authorized, resumed }) => authorized && !resumed).length, PEERS)
  t.deepEqual(new Set(waits), new Set([0]))
  const warm = await visit()
  t.is(warm.filter(({ resumed }) => resumed).length, PEERS)
})

/** Makes an address hang: its thread accepts nothing, and the queue of the system is full. */
async function startHanging(t: ExecutionContext, host: string, port: number): Promise<void> {
  const source = `
    const { parentPort, workerData } = require('node:worker_threads')
    require('node:net').createServer().listen({ ...workerData, backlog: 1 }, () => {
      parentPort.postMessage('listening')
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
    })`
  const worker = new Worker(source, { eval: true, workerData: { host, port }, execArgv: [] })
  t.teardown(() => worker.terminate())
  await once(worker, 'message')
  for (let n = 0; n < 16; n++) {
    const socket = net.connect(port, host).on('error', () => {})
    t.teardown(() => socket.destroy())
    const isConnected = await Promise.race([
      once(socket, 'connect').then(() => true),
      sleep(200).then(() => false),
    ])
    if (!isConnected) return
  }
  t.fail('the address does not hang')
}

test.serial(
  'an address that hangs does not take the session of an address that answers, or make others wait',
  async t => {
    const { port, ca, handshakes } = await startServer(t)
    await startHanging(t, '127.0.0.9', port)
    const lookup: net.LookupFunction = (_, _options, callback) =>
      callback(null, [
        { address: '127.0.0.9', family: 4 },
        { address: '127.0.0.1', family: 4 },
      ])
    const waits = listenToWaits(t)
    const sessionCache = new SessionCache({ singleUse: true })
    const options = { host: 'localhost', port, ca, lookup, autoSelectFamily: true, sessionCache }
    t.deepEqual(await finish(connect(options)), { resumed: false, authorized: true })
    const { size } = sessionCache
    t.deepEqual(await finish(connect(options)), { resumed: true, authorized: true })
    t.is(sessionCache.size, size - 1)
    t.deepEqual(handshakes, { full: 1, resumed: 1 })
    t.true(Math.max(...waits) <= MAX_WAIT)
  },
)
