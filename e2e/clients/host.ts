/** The servers of one placement, in a process with threads or workers. Reports to `main.ts`. */
import cluster from 'node:cluster'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import type { Placement } from './kinds.ts'
import { type PlaceOptions, type Report, ringOf, startPlace } from './place.ts'

export type { PlaceOptions }

export interface HostOptions extends PlaceOptions {
  placement: Placement
}

/** First the ports of each place, then the reports of the servers. */
export type Told = { ports: number[][] } | Report

/** From a thread or a worker: first its ports, then the reports of its servers. */
type Said = { ports: number[] } | Report

const tell = (told: Told): void => void process.send?.(told)

if (!isMainThread) await serve(workerData, said => parentPort?.postMessage(said))
else if (cluster.isWorker) await serve(JSON.parse(process.argv[2] ?? ''), said => process.send?.(said))
else await host(JSON.parse(process.argv[2] ?? ''))

async function host(options: HostOptions): Promise<void> {
  process.on('disconnect', () => process.exit())
  tell({ ports: await startPlaces(options) })
}

async function startPlaces(options: HostOptions): Promise<number[][]> {
  if (!options.isPlain) {
    const keys = ringOf()
    process.on('message', message => {
      if (message === 'rotate') void keys.rotate()
    })
  }
  if (options.placement === '1 thread') return [await startPlace(options, tell)]
  if (options.placement === '4 threads') {
    const threads = Array.from(
      { length: 4 },
      () => new Worker(new URL(import.meta.url), { workerData: options }),
    )
    return Promise.all(threads.map(portsOf))
  }
  // Arguments differ from worker to worker, as between hosts.
  ringOf()
  return Promise.all(
    ['one', 'other'].map(role => {
      cluster.setupPrimary({ args: [JSON.stringify(options), '--role', role] })
      return portsOf(cluster.fork())
    }),
  )
}

async function serve(options: HostOptions, say: (said: Said) => void): Promise<void> {
  say({ ports: await startPlace(options, say) })
}

/** The messages of a worker include those of its key ring. */
async function portsOf(place: Worker | ReturnType<typeof cluster.fork>): Promise<number[]> {
  return new Promise((resolve, reject) => {
    place.once('error', reject)
    place.on('message', (said: Said) => {
      if ('ports' in said) resolve(said.ports)
      else if ('handshake' in said || 'path' in said) tell(said)
    })
  })
}
