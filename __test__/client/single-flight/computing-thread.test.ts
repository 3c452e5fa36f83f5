/** A thread that computes reads late what its leaders got. Its followers wait until it has read. */
import { once } from 'node:events'
import { setImmediate as turn } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import test, { type ExecutionContext } from 'ava'
import { connect, SessionCache } from 'tls-resumption'
import { followFlight, landFlight } from '../../../dist/client/single-flight.js'
import { clock, timers } from '../../../dist/util/time.js'
import { withoutClock } from '../../support/fake-timers.ts'
import { finish, testAuthority } from '../../support/server.ts'

const FULL = { resumed: false, authorized: true }
const RESUMED = { resumed: true, authorized: true }
/** Waits are longer by this factor, so that none ends too early on a slow machine. */
const SLOWER = 20
/** Longer than a wait, in milliseconds. */
const LONG = 100 * SLOWER + 500

/** Starts a server in a thread of its own: it sends its tickets while the thread of the test computes. */
async function startServerThread(t: ExecutionContext) {
  const { cert: ca, issue } = await testAuthority()
  const identity = await issue({ commonName: 'localhost', dnsNames: ['localhost'], usage: 'server' })
  const program = new URL('../../workers/one-port.ts', import.meta.url)
  const worker = new Worker(program, { workerData: { port: 0, options: identity } })
  t.teardown(() => worker.terminate())
  const [port] = await once(worker, 'message')
  return { port: port as number, host: '127.0.0.1', servername: 'localhost', ca }
}

/** Makes the waits of this thread longer by the factor {@link SLOWER}. */
function slowTimers(t: ExecutionContext): void {
  const { setTimeout } = timers
  t.teardown(() => {
    timers.setTimeout = setTimeout
  })
  timers.setTimeout = ((callback: () => void, milliseconds: number) =>
    setTimeout(callback, milliseconds * SLOWER)) as typeof setTimeout
}

test.serial(
  'single-flight: a connection follows where its thread computed for long while it connected',
  async t => {
    t.teardown(withoutClock())
    slowTimers(t)
    const options = { ...(await startServerThread(t)), sessionCache: new SessionCache() }
    const sockets = [connect(options), connect(options)]
    // The thread computes as soon as it has asked for the connection, and reads the answer later.
    const now = clock.monotonic()
    let computed = 0
    clock.monotonic = () => now + computed
    for (const socket of sockets) {
      socket.once('connectionAttempt', () => {
        computed += 300
      })
    }
    t.deepEqual(await Promise.all(sockets.map(finish)), [FULL, RESUMED])
  },
)

test.serial(
  'single-flight: tickets that came while the thread computed are read before a wait ends',
  async t => {
    t.teardown(withoutClock())
    slowTimers(t)
    const options = { ...(await startServerThread(t)), sessionCache: new SessionCache() }
    const [leader, follower] = [connect(options), connect(options)]
    const compute = () => {
      const until = performance.now() + LONG
      while (performance.now() < until);
    }
    // The last bytes of its handshake go out after the event.
    leader.once('secureConnect', () => setImmediate(compute))
    t.deepEqual(await Promise.all([finish(leader), finish(follower)]), [FULL, RESUMED])
  },
)

test.serial(
  'single-flight: a thread reads the sessions of all its leaders before followers start',
  async t => {
    const cache = new SessionCache()
    const started: string[] = []
    for (const key of ['a', 'b']) followFlight(cache, key, LONG, () => started.push(key))
    // As if both sessions came with one poll of the event loop.
    landFlight(cache, 'a')
    landFlight(cache, 'b')
    t.deepEqual(started, [])
    await turn()
    t.deepEqual(started, ['a', 'b'])
  },
)
