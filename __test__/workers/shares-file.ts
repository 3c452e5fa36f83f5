/**
 * A process that connects with a cache in a file. Its parent sends one list of ports after the other, and gets the outcomes
 * of one connection to each. It serves nothing and ends with its parent.
 */
import tls from 'node:tls'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { connect, purge, SessionCache } from 'tls-resumption'
import { type Outcome, outcome } from '../support/outcome.ts'

interface Settings {
  path: string
  ca: string | undefined
  threads: number
  max?: number
}

export type Request =
  | { ports: number[]; servername?: string; times?: number; hasOwnCheck?: boolean }
  | { purge: string }
  | { stats: true }

const settings: Settings = isMainThread ? JSON.parse(process.argv[2] as string) : workerData
/** It means the same in each process, which only its text could show. */
const checkServerIdentity: typeof tls.checkServerIdentity = (...args) => tls.checkServerIdentity(...args)

const cache = new SessionCache({ path: settings.path, max: settings.max })

async function answer(request: Request): Promise<unknown> {
  if ('purge' in request) return purge({ host: request.purge })
  if ('stats' in request) return cache.stats()
  const { ports, servername = 'localhost', times = 1, hasOwnCheck = false } = request
  const { ca } = settings
  const options = { ca, servername, sessionCache: cache, ...(hasOwnCheck && { checkServerIdentity }) }
  const outcomes: Outcome[] = []
  for (let time = 0; time < times; time++) {
    const all = ports.map(port => outcome(connect({ port, ...options })))
    outcomes.push(...(await Promise.all(all)))
  }
  return outcomes
}

if (isMainThread) {
  const workers = Array.from(
    { length: settings.threads - 1 },
    () => new Worker(new URL(import.meta.url), { workerData: { ...settings, threads: 1 } }),
  )
  process.on('message', async (request: Request) => {
    const others = workers.map(
      worker =>
        new Promise(resolve => {
          worker.once('message', resolve)
          worker.postMessage(request)
        }),
    )
    const answers = await Promise.all([answer(request), ...others])
    process.send?.(answers)
  })
  process.on('disconnect', () => process.exit())
  process.send?.('ready')
} else {
  parentPort?.on('message', async (request: Request) => parentPort?.postMessage(await answer(request)))
}
