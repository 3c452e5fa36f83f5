/** Processes that share a cache in a file: how many full handshakes they make, and after all were killed and started again. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import tls from 'node:tls'
import type { Authority, Identity } from '../../fixtures/certificates.ts'

const PROCESSES = 4
const ENDPOINTS = 8
const ROUNDS = 5

/** What one start of all processes did. */
export interface ProcessesRun {
  connections: number
  full: number
}

export interface ProcessesSummary {
  processes: number
  endpoints: number
  first: ProcessesRun
  /** After all processes were killed by SIGKILL and started again. */
  again: ProcessesRun
}

/** What a process of this comparison gets. */
export interface ProcessOrder {
  path: string
  ca: string
  ports: number[]
  rounds: number
}

/** Returns undefined where processes cannot share a file. */
export async function compareProcesses(
  authority: Authority,
  identity: Identity,
): Promise<ProcessesSummary | undefined> {
  if (process.platform !== 'linux') return undefined
  const folder = mkdtempSync('/dev/shm/tls-resumption-start-')
  const servers = await Promise.all(Array.from({ length: ENDPOINTS }, () => startServer(identity)))
  try {
    const ports = servers.map(server => (server.address() as AddressInfo).port)
    const order = { path: join(folder, 'sessions'), ca: authority.cert, ports, rounds: ROUNDS }
    const [first, again] = [await runAll(order), await runAll(order)]
    return { processes: PROCESSES, endpoints: ENDPOINTS, first, again }
  } finally {
    for (const server of servers) server.close()
    rmSync(folder, { recursive: true })
  }
}

async function startServer(identity: Identity): Promise<tls.Server> {
  const server = tls.createServer({ cert: identity.cert, key: identity.key }, socket => {
    socket.on('error', () => {})
    socket.end('!')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

/** Starts all processes, has them connect, and kills them. */
async function runAll(order: ProcessOrder): Promise<ProcessesRun> {
  const children = Array.from({ length: PROCESSES }, () =>
    fork(new URL('./process.ts', import.meta.url), [JSON.stringify(order)]),
  )
  try {
    const runs = await Promise.all(children.map(resultOf))
    return runs.reduce((sum, run) => ({
      connections: sum.connections + run.connections,
      full: sum.full + run.full,
    }))
  } finally {
    for (const child of children) child.kill('SIGKILL')
  }
}

async function resultOf(child: ChildProcess): Promise<ProcessesRun> {
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`a process ended with ${code}`)
  })
  const [run] = await Promise.race([once(child, 'message'), ended])
  ended.catch(() => {})
  return run as ProcessesRun
}
