// Loads `https` and prints what the start of this process has cost. Then starts workers, and prints what they add.
import { readFileSync } from 'node:fs'
import 'node:https'
import { Worker } from 'node:worker_threads'

const { user, system } = process.cpuUsage()
const time = performance.now()
const resident = process.memoryUsage.rss()
const own = privateBytes()

const count = Number(process.argv[2])
const workers = Array.from({ length: count }, () => {
  // Not `eval`: such a worker does not inherit the flag.
  const worker = new Worker(new URL('worker.mjs', import.meta.url))
  return new Promise((resolve, reject) => {
    worker.on('message', () => resolve(worker)).on('error', reject)
  })
})
const started = await Promise.all(workers)
const worker = (process.memoryUsage.rss() - resident) / count
// Loaded here, so that it is no part of the start.
const { loadedFiles } = await import('../lib/loaded.mjs')
const loaded = loadedFiles()
console.log(JSON.stringify({ cpu: (user + system) / 1000, time, resident, own, worker, loaded }))
for (const each of started) each.postMessage('end')

/** Reads what Linux counts as private and changed. Elsewhere, the resident memory. */
function privateBytes() {
  if (process.platform !== 'linux') return resident
  const [, kilobytes] = readFileSync('/proc/self/smaps_rollup', 'utf8').match(/^Private_Dirty: +(\d+)/m)
  return Number(kilobytes) * 1024
}
