/**
 * Imports the modules that it is given, in this thread or in one worker after another, and prints as
 * JSON which warnings there were in each thread, and whether all of the modules work.
 */
import { once } from 'node:events'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'

export interface Loaded {
  warnings: { code: string; detail: string }[]
  working: number
  /** How many sessions a cache of one name has in each copy, after each has stored one. */
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
  // A warning is emitted in a tick of its own.
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
