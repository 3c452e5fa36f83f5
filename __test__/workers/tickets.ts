/** A server in a worker thread that shares the ticket key ring of the main thread. */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import tls from 'node:tls'
import { parentPort, workerData } from 'node:worker_threads'
import { TicketKeys } from 'tls-resumption'
import type { Identity } from '../../fixtures/certificates.ts'

const { name, identity } = workerData as { name: string; identity: Identity }

const keys = new TicketKeys({ name })
const server = tls.createServer(identity, socket => {
  socket.on('error', () => {})
  socket.end('!')
})
keys.attach(server)
await once(server.listen(0, '127.0.0.1'), 'listening')
parentPort?.on('message', message => {
  if (message === 'rotate') keys.rotate()
  parentPort?.postMessage(keys.stats().keys.map(({ generation }) => generation))
})
parentPort?.postMessage((server.address() as AddressInfo).port)
