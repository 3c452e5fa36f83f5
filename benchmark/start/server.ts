/** A worker thread with some of the servers. They count handshakes and echo what they get. */
import { constants } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer, type Server } from 'node:tls'
import { workerData } from 'node:worker_threads'
import type { Identity } from '../../fixtures/certificates.ts'
import {
  count,
  type Endpoint,
  emptyTallies,
  kindOf,
  type ListeningEndpoint,
  type Tallies,
} from './endpoints.ts'
import { loadMode, type ModeName } from './modes/index.ts'
import { answer } from './thread.ts'
import { threadCpu } from './thread-cpu.ts'

export interface ServerData {
  mode: ModeName
  ca: string
  identity: Identity
  endpoints: readonly Endpoint[]
}

const { mode: name, ca, identity, endpoints } = workerData as ServerData

const mode = await loadMode(name)
const tallies = emptyTallies()
const servers: Server[] = []
const errors: string[] = []

function start(endpoint: Endpoint): Server {
  const { label, version, clientCertificate } = kindOf(endpoint)
  const server = createServer({
    ...identity,
    ca,
    minVersion: version,
    maxVersion: version,
    requestCert: clientCertificate,
    rejectUnauthorized: clientCertificate,
    // Without tickets a TLS 1.2 client falls back to session IDs.
    ...(version === 'TLSv1.2' ? { secureOptions: constants.SSL_OP_NO_TICKET } : {}),
  })
  server.on('secureConnection', socket => {
    count(tallies, endpoint, socket.isSessionReused())
    socket.on('error', error => errors.push(`${label}: ${error.message}`))
    socket.pipe(socket)
  })
  server.on('tlsClientError', error => errors.push(`${label}: ${error.message}`))
  mode.server(server)
  return server
}

const commands = {
  async listen(): Promise<ListeningEndpoint[]> {
    return Promise.all(
      endpoints.map(async endpoint => {
        const server = start(endpoint)
        servers.push(server)
        await once(server.listen(0, '127.0.0.1'), 'listening')
        return { ...endpoint, port: (server.address() as AddressInfo).port }
      }),
    )
  },
  cpu: threadCpu,
  /** Everything since the servers started to listen. */
  counts: (): { tallies: Tallies; errors: string[] } => ({ tallies, errors }),
}

export type ServerCommands = typeof commands

answer(commands, () => {
  for (const server of servers) server.close()
})
