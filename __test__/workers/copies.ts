/**
 * Imports the given modules in this thread and in one worker after another. Prints as JSON the warnings of each thread and
 * how many of the modules work.
 */
import { once } from 'node:events'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'

export interface Loaded {
  warnings: { code: string; detail: string }[]
  working: number
  /** The number of sessions of the cache with one name in each copy, after each copy has stored one. */
  sizes: number[]
}

async function load(modules: string[]): Promise<Loaded> {
  const warnings: Loaded['warnings'] = []
  process.on('warning', warning => {
    const { code = '', detail = '' } = warning as { code?: string; detail?: string }
    warnings.push({ code, detail })
  })
  const caches = []
  for (const module of modules) {
    const { SessionCache } = (await import(module)) as typeof import('tls-resumption')
    const cache = new SessionCache({ name: 'one name' }).set(module, Buffer.from(module))
    caches.push({ cache, module })
  }
  // Node emits a warning in a later tick.
  await new Promise(resolve => setImmediate(resolve))
  const working = caches.filter(({ cache, module }) => cache.get(module)?.toString() === module).length
  return { warnings, working, sizes: caches.map(({ cache }) => cache.size) }
}

if (isMainThread) {
  const threads: { main: string[]; workers: string[][] } = JSON.parse(process.argv[2] ?? '')
  const loaded = [await load(threads.main)]
  for (const modules of threads.workers) {
    const worker = new Worker(new URL(import.meta.url), { workerData: modules })
    loaded.push((await once(worker, 'message'))[0])
  }
  console.log(JSON.stringify(loaded))
} else {
  parentPort?.postMessage(await load(workerData))
}
