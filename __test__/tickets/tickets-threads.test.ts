/** One ring for the servers of all threads. */
import { once } from 'node:events'
import tls from 'node:tls'
import type { Worker } from 'node:worker_threads'
import test, { type ExecutionContext } from 'ava'
import { TicketKeys } from 'tls-resumption'
import { finish, startServer, testAuthority } from '../support/server.ts'
import { startWorker } from '../workers/start.ts'

async function setUp(t: ExecutionContext) {
  const { cert: ca, issue } = await testAuthority()
  const identity = await issue({ commonName: 'localhost', usage: 'server' })
  const keys = new TicketKeys({ name: t.title })
  const main = await startServer(t, identity)
  keys.attach(main.server)
  const workers = [1, 2].map(() => startWorker('tickets.ts', { name: t.title, identity }))
  for (const worker of workers) t.teardown(() => worker.terminate())
  const ports = (await Promise.all(workers.map(worker => once(worker, 'message')))).map(([port]) => port)
  return { ca, keys, workers, ports: [main.port, ...ports] as number[] }
}

async function ask(worker: Worker | undefined, message: string): Promise<number[]> {
  const answer = once(worker as Worker, 'message')
  worker?.postMessage(message)
  return (await answer)[0]
}

test('threads: a ticket of one thread is accepted in all others, before and after a rotation', async t => {
  const { ca, keys, workers, ports } = await setUp(t)
  let session: Buffer | undefined
  const visit = async (port?: number): Promise<boolean> => {
    const socket = tls.connect({ port: port ?? 0, host: '127.0.0.1', servername: 'localhost', ca, session })
    socket.on('session', latest => {
      session = latest
    })
    return (await finish(socket)).resumed
  }
  const resumed: boolean[] = []
  for (const port of ports) resumed.push(await visit(port))
  keys.rotate()
  for (const port of ports) resumed.push(await visit(port))
  await ask(workers[1], 'rotate')
  for (const port of ports) resumed.push(await visit(port))
  t.deepEqual(resumed, [false, true, true, true, true, true, true, true, true])
})

test('threads: all threads follow a rotation at once', async t => {
  const { keys, workers } = await setUp(t)
  keys.rotate()
  t.deepEqual(await ask(workers[0], 'keys'), [1, 0])
  t.deepEqual(await ask(workers[0], 'rotate'), [2, 1, 0])
  t.deepEqual(
    keys.stats().keys.map(({ generation }) => generation),
    [2, 1, 0],
  )
  t.deepEqual(await ask(workers[1], 'keys'), [2, 1, 0])
})

test('threads: the ring outlives threads that had it open', async t => {
  const { keys, workers } = await setUp(t)
  await ask(workers[0], 'rotate')
  await Promise.all(workers.map(worker => worker.terminate()))
  t.deepEqual(
    keys.stats().keys.map(({ generation }) => generation),
    [1, 0],
  )
})
