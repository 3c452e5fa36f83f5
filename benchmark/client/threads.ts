/** Counts the full handshakes of threads that all connect to the same endpoints at once. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import type { Pki } from '../lib/pki.ts'
import { checkPlain } from '../lib/plain.ts'
import { median } from '../lib/statistics.ts'
import { type Kind, labelOf } from './kinds.ts'
import { ServerProcess } from './server-process.ts'
import type { ThreadData } from './thread.ts'
import type { Request } from './thread-host.ts'

export const THREADS = 4
export const ENDPOINTS = 8
/** Connections of a thread to an endpoint. */
export const CONNECTIONS = 4
const KIND: Kind = { version: 'TLSv1.3', algorithm: 'rsa', clientCertificate: true }
export const THREADS_KIND = labelOf(KIND)

interface Counts {
  full: number
  resumed: number
}

export interface ThreadFigures {
  mode: string
  times: number
  /** Full handshakes of a run, median. All threads start at once, which is the worst case. */
  full: number
  /** Those of the worst run. */
  most: number
  /** Resumed handshakes of the worst run. */
  resumed: number
}

export async function threads(pki: Pki, times: number): Promise<ThreadFigures[]> {
  const figures: ThreadFigures[] = []
  for (const [mode, how] of [
    ['Node alone', 'alone'],
    ['a Map of sessions in each thread', 'map'],
    ['tls-resumption, cold and all at once', 'ours'],
    ['tls-resumption, each endpoint met once before', 'ours, warm'],
  ] as const) {
    const runs: Counts[] = []
    for (let time = 0; time < times; time++) runs.push(await count(pki, how))
    const full = median(runs.map(run => run.full))
    const worst = runs.reduce((most, run) => (run.full > most.full ? run : most))
    figures.push({ mode, times, full, most: worst.full, resumed: worst.resumed })
  }
  return figures
}

async function count(pki: Pki, how: ThreadData['how']): Promise<Counts> {
  const server = new ServerProcess()
  const listen = { kind: KIND, ca: pki.ca(KIND), identity: pki.server(KIND), how: 'plain' as const }
  const ports = await server.listen(Array(ENDPOINTS).fill(listen))
  const name = `threads ${how} ${process.hrtime.bigint()}`
  const endpoints = ports.map(port => pki.options(KIND, port))
  const workerData: ThreadData = { how, name, endpoints, connections: CONNECTIONS }
  const host = fork(new URL('./thread-host.ts', import.meta.url))
  const ask = async <Answer>(request: Request): Promise<Answer> => {
    const answer = once(host, 'message')
    host.send(request)
    return (await answer)[0] as Answer
  }
  await ask({ start: workerData, threads: THREADS })
  if (how === 'ours, warm') await ask('once')
  await ask('go')
  const { counts } = await server.report()
  const files = await ask<string[]>('loaded')
  if (how === 'alone' || how === 'map') checkPlain(`threads, ${how}`, files)
  host.disconnect()
  server.close()
  return {
    full: counts.reduce((sum, { full }) => sum + full, 0),
    resumed: counts.reduce((sum, { resumed }) => sum + resumed, 0),
  }
}
