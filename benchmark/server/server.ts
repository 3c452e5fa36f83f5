/** A process whose threads have servers of each kind, which resume in one way. */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer, type Server } from 'node:tls'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import type { Identity } from '../../fixtures/certificates.ts'
import { loadedFiles } from '../lib/loaded.mjs'
import { addBareHooks } from './bare-hooks.ts'
import { type Kind, labelOf, type Mode, serverOptions } from './kinds.ts'

export interface Listen {
  kind: Kind
  mode: Mode
  ca: string
  identity: Identity
}

export type Request =
  | { listen: Listen[]; threads: number }
  | { report: true }
  | { loaded: true }
  | { close: true }

export interface Report {
  /** Microseconds of CPU of this process. */
  cpu: number
}

if (isMainThread) {
  process.on('message', async (request: Request) => {
    if ('listen' in request) process.send?.(await listenInThreads(request.listen, request.threads))
    else if ('report' in request) process.send?.(report())
    else if ('loaded' in request) process.send?.(loadedFiles())
    else process.disconnect?.()
  })
  process.on('disconnect', () => process.exit())
} else {
  parentPort?.postMessage(await Promise.all((workerData as Listen[]).map(listen)))
}

function report(): Report {
  const { user, system } = process.cpuUsage()
  return { cpu: user + system }
}

/** The ports of each server, one per thread. The main thread is one of them. */
async function listenInThreads(wanted: Listen[], threads: number): Promise<number[][]> {
  if (threads === 1) return (await Promise.all(wanted.map(listen))).map(port => [port])
  const ports = await Promise.all(
    Array.from({ length: threads }, async () => {
      const [own] = await once(new Worker(new URL(import.meta.url), { workerData: wanted }), 'message')
      return own as number[]
    }),
  )
  return wanted.map((_, index) => ports.map(own => own[index] ?? 0))
}

async function listen({ kind, mode, ca, identity }: Listen): Promise<number> {
  const server = createServer({ ...identity, ca, ...serverOptions(kind) }, socket => {
    socket.on('error', () => {}).resume()
  })
  await resume(server, kind, mode)
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return (server.address() as AddressInfo).port
}

/** Imports only what the mode needs, so that the others run without it. */
async function resume(server: Server, kind: Kind, mode: Mode): Promise<void> {
  if (mode === 'bare hooks') addBareHooks(server, kind.mechanism)
  if (mode === 'tls-session-cache') {
    const { default: tlsSessionCache } = await import('tls-session-cache')
    tlsSessionCache(server, { maxCachedSessions: 10_000 })
  }
  if (mode !== 'tls-resumption') return
  const { resumeSessions, SessionCache, TicketKeys } = await import('tls-resumption')
  const name = labelOf(kind)
  if (kind.mechanism === 'ids') resumeSessions(server, { sessionCache: new SessionCache({ name }) })
  else new TicketKeys({ name }).attach(server)
}
