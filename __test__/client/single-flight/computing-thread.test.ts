/** A thread that computes reads late what its leaders got. Its followers wait until it has read. */
import { once } from 'node:events'
import { setImmediate as turn } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import test, { type ExecutionContext } from 'ava'
import { connect, SessionCache } from 'tls-resumption'
import { followFlight, landFlight } from '../../../dist/client/single-flight.js'
import { finish, testAuthority } from '../../support/server.ts'

const FULL = { resumed: false, authorized: true }
const RESUMED = { resumed: true, authorized: true }
/** Twice the longest wait, in milliseconds. */
const LONG = 500

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

test.serial(
  'single-flight: tickets that came while the thread computed are read before a wait ends',
  async t => {
    const options = { ...(await startServerThread(t)), sessionCache: new SessionCache() }
    const [leader, follower] = [connect(options), connect(options)]
    leader.once('secureConnect', () => {
      const until = performance.now() + LONG
      while (performance.now() < until);
    })
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
