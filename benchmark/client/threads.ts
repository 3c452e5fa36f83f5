/** Counts the full handshakes of threads that all connect to the same endpoints at once. */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { Pki } from '../lib/pki.ts'
import { checkPlain } from '../lib/plain.ts'
import { type Kind, labelOf } from './kinds.ts'
import { ServerProcess } from './server-process.ts'
import type { ThreadData } from './thread.ts'

export const THREADS = 4
export const ENDPOINTS = 8
/** Connections of a thread to an endpoint. */
export const CONNECTIONS = 4
const KIND: Kind = { version: 'TLSv1.3', algorithm: 'rsa', clientCertificate: true }
export const THREADS_KIND = labelOf(KIND)

export interface ThreadFigures {
  mode: string
  times: number
  /** All threads start at once, which is the worst case. */
  full: number
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
    let worst = { full: 0, resumed: 0 }
    for (let time = 0; time < times; time++) {
      const counts = await count(pki, how)
      if (counts.full >= worst.full) worst = counts
    }
    figures.push({ mode, times, ...worst })
  }
  return figures
}

async function count(pki: Pki, how: ThreadData['how']): Promise<{ full: number; resumed: number }> {
  const server = new ServerProcess()
  const listen = { kind: KIND, ca: pki.ca(KIND), identity: pki.server(KIND), how: 'plain' as const }
  const ports = await server.listen(Array(ENDPOINTS).fill(listen))
  const name = `threads ${how} ${process.hrtime.bigint()}`
  const endpoints = ports.map(port => pki.options(KIND, port))
  const workerData: ThreadData = { how, name, endpoints, connections: CONNECTIONS }
  const workers = Array.from(
    { length: THREADS },
    () => new Worker(new URL('./thread.ts', import.meta.url), { workerData }),
  )
  await Promise.all(workers.map(worker => once(worker, 'message')))
  if (how === 'ours, warm') {
    const first = workers[0] as Worker
    first.postMessage('once')
    await once(first, 'message')
  }
  for (const worker of workers) worker.postMessage('go')
  await Promise.all(workers.map(worker => once(worker, 'message')))
  const { counts } = await server.report()
  if (how === 'alone' || how === 'map') await Promise.all(workers.map(worker => checkThread(how, worker)))
  await Promise.all(workers.map(worker => worker.terminate()))
  server.close()
  return {
    full: counts.reduce((sum, { full }) => sum + full, 0),
    resumed: counts.reduce((sum, { resumed }) => sum + resumed, 0),
  }
}

async function checkThread(how: string, worker: Worker): Promise<void> {
  worker.postMessage('loaded')
  const [files] = await once(worker, 'message')
  checkPlain(`threads, ${how}`, files)
}
