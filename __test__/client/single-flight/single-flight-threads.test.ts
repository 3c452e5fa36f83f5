import { once } from 'node:events'
import { setImmediate as turn } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import test, { type ExecutionContext } from 'ava'
import { connect, SessionCache } from 'tls-resumption'
import { withoutTimers } from '../../support/fake-timers.ts'
import { outcome } from '../../support/outcome.ts'
import { finish, startServer } from '../../support/server.ts'
import { startStallingProxy } from '../../support/stalling-proxy.ts'

const FULL = { resumed: false, authorized: true }
const RESUMED = { resumed: true, authorized: true }

let names = 0

/** Starts a thread that connects. `timeless`: its waits have no limit, so a follower that is not woken hangs. */
async function startThread(t: ExecutionContext, workerData: object): Promise<Worker> {
  const worker = new Worker(new URL('../../workers/burst.ts', import.meta.url), { workerData })
  t.teardown(() => worker.terminate())
  await once(worker, 'message')
  return worker
}

async function startAll(t: ExecutionContext) {
  const { port, ca, handshakes } = await startServer(t)
  const gate = await startStallingProxy(t, port)
  const name = `burst ${process.pid} ${names++}`
  const options = { port: gate.port, ca, servername: 'localhost' }
  const thread = () => startThread(t, { ...options, name, timeless: true })
  return { gate, handshakes, options: { ...options, sessionCache: new SessionCache({ name }) }, thread }
}

/** Waits for a connection of the thread that has not sent a ClientHello. */
async function startFollower(
  t: ExecutionContext,
  thread: Worker,
  gate: Awaited<ReturnType<typeof startStallingProxy>>,
) {
  thread.postMessage(1)
  const [passage] = await Promise.all([gate.next(), once(thread, 'message')])
  for (let i = 0; i < 20; i++) await turn()
  t.is(passage.sent, 0, 'it waits')
  return { ended: once(thread, 'message').then(([[result]]) => result) }
}

async function lead({ gate, options }: Awaited<ReturnType<typeof startAll>>) {
  const leader = connect(options)
  const passage = await gate.next()
  while (passage.sent === 0) await turn()
  return { leader, passage }
}

test.serial('single-flight: a thread waits for the session of another thread', async t => {
  t.teardown(withoutTimers())
  const all = await startAll(t)
  const thread = await all.thread()
  const { leader, passage } = await lead(all)
  const follower = await startFollower(t, thread, all.gate)
  passage.open()
  t.deepEqual(await finish(leader), FULL)
  t.deepEqual(await follower.ended, RESUMED)
})

test.serial('single-flight: a thread continues when the leader in another thread fails', async t => {
  t.teardown(withoutTimers())
  const all = await startAll(t)
  const thread = await all.thread()
  const { leader } = await lead(all)
  const follower = await startFollower(t, thread, all.gate)
  leader.destroy()
  t.deepEqual(await follower.ended, FULL)
})

test.serial('single-flight: two objects of one cache in one thread share a flight', async t => {
  t.teardown(withoutTimers())
  const all = await startAll(t)
  const { leader, passage } = await lead(all)
  const { name } = all.options.sessionCache
  const follower = connect({ ...all.options, sessionCache: new SessionCache({ name }) })
  const [waiting] = await Promise.all([all.gate.next(), once(follower, 'connect')])
  for (let i = 0; i < 20; i++) await turn()
  t.is(waiting.sent, 0)
  passage.open()
  t.deepEqual(await Promise.all([finish(leader), finish(follower)]), [FULL, RESUMED])
})

test.serial('single-flight: followers of a thread that ends continue within their bound', async t => {
  const all = await startAll(t)
  const thread = await all.thread()
  thread.postMessage(1)
  const passage = await all.gate.next()
  while (passage.sent === 0) await turn()
  const follower = connect(all.options)
  const [waiting] = await Promise.all([all.gate.next(), once(follower, 'connect')])
  for (let i = 0; i < 20; i++) await turn()
  t.is(waiting.sent, 0)
  const ended = finish(follower)
  await thread.terminate()
  t.deepEqual(await ended, FULL)
  t.deepEqual(await outcome(connect(all.options)), { ...RESUMED, refused: undefined })
})

test.serial('single-flight: simultaneous threads to a new peer do one full handshake', async t => {
  const { port, ca, handshakes } = await startServer(t)
  const name = `burst ${process.pid} ${names++}`
  const options = { port, ca, servername: 'localhost', name, timeless: true }
  const threads = await Promise.all([1, 2, 3].map(() => startThread(t, options)))
  const outcomes = threads.map(
    thread =>
      new Promise<unknown[]>(resolve => {
        thread.on('message', message => Array.isArray(message) && resolve(message))
      }),
  )
  for (const thread of threads) thread.postMessage(8)
  t.is((await Promise.all(outcomes)).flat().length, 24)
  t.deepEqual(handshakes, { full: 1, resumed: 23 })
})
