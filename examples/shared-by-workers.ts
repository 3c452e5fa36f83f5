/**
 * Two worker threads that share one cache. The first connects with a full handshake. The second has never connected to the
 * server and resumes the session of the first.
 *
 *     node --import ./scripts/lib/typescript.mjs examples/shared-by-workers.ts
 *
 * Lines that an application needs are marked with (*). The rest is a server for this example.
 */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import tls from 'node:tls'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { connect, SessionCache } from 'tls-resumption' // (*)
import { createAuthority } from '../fixtures/certificates.ts'

// (*) In every thread. Caches of one name share their sessions while any thread has the name open. Here the main thread keeps
// it open, so the sessions outlive the first worker.
const sessionCache = new SessionCache({ name: 'upstreams', max: 1000 })

if (isMainThread) await main()
else await worker()

async function main(): Promise<void> {
  const { cert: ca, issue } = await createAuthority({ algorithm: 'ecdsa' })
  const server = tls.createServer(await issue({ usage: 'server', commonName: 'localhost' }), socket => {
    socket.end('hello')
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo

  const results: string[] = []
  for (const name of ['first', 'second']) {
    const thread = new Worker(new URL(import.meta.url), { workerData: { port, ca } })
    const exit = once(thread, 'exit')
    const [result] = await once(thread, 'message')
    console.log(`${name} worker: ${result}`)
    results.push(result)
    await exit
  }

  server.close()
  const { hits, misses } = sessionCache.stats()
  console.log(`the cache of both: ${hits} hit, ${misses} miss`)
  if (results[1] !== 'resumed') process.exitCode = 1
}

async function worker(): Promise<void> {
  const { port, ca } = workerData as { port: number; ca: string }
  const socket = connect({ host: 'localhost', port, ca, sessionCache }) // (*)
  await once(socket, 'secureConnect')
  const result = socket.isSessionReused() ? 'resumed' : 'full handshake'
  socket.resume()
  await once(socket, 'close')
  parentPort?.postMessage(result)
}
