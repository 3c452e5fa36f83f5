/**
 * A gateway without a line about this package: workers that send requests to upstreams. On the message `stop` it reports what
 * they saw.
 */
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { loadedFiles } from '../../lib/loaded.mjs'
import { sendRequests } from './requests.mjs'

if (isMainThread) main()
else worker()

function main() {
  const { workers, ...plan } = JSON.parse(process.argv[2])
  const threads = Array.from(
    { length: workers },
    (_, index) => new Worker(new URL(import.meta.url), { workerData: { ...plan, seed: plan.seed + index } }),
  )
  process.on('message', async () => {
    const reports = threads.map(thread => new Promise(resolve => thread.once('message', resolve)))
    for (const thread of threads) thread.postMessage('stop')
    const seen = await Promise.all(reports)
    const { user, system } = process.cpuUsage()
    process.send({
      cpu: user + system,
      latencies: seen.flatMap(({ latencies }) => latencies),
      errors: seen.reduce((sum, { errors }) => sum + errors, 0),
      loaded: [...loadedFiles(), ...seen.flatMap(({ loaded }) => loaded)],
    })
  })
  process.on('disconnect', () => process.exit())
}

async function worker() {
  const stop = new AbortController()
  parentPort.once('message', () => stop.abort())
  const seen = await sendRequests(workerData, stop.signal)
  parentPort.postMessage({ ...seen, loaded: loadedFiles() })
}
