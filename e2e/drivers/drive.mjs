/**
 * The process that uses a driver, as a service would. On the message `main` or `worker` it connects once in that
 * thread, talks with the server, closes, and reports if that worked. Resumption is not its concern.
 */
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'

const { driver, how, endpoint } = isMainThread ? JSON.parse(process.argv[2]) : workerData
const { visit } = await import(`./drivers/${driver}.mjs`)
const ours = how === 'option' ? await import('./drivers/ours.mjs') : undefined

async function answer() {
  try {
    await visit(endpoint, ours)
    return {}
  } catch (error) {
    return { error: error instanceof Error ? error.stack : String(error) }
  }
}

if (isMainThread) {
  let worker
  process.on('message', async thread => {
    if (thread === 'main') return process.send(await answer())
    if (!worker) {
      worker = new Worker(new URL(import.meta.url), { workerData: { driver, how, endpoint } })
      worker.on('message', result => process.send(result))
      worker.on('error', error => process.send({ error: error.stack }))
    }
    worker.postMessage('visit')
  })
  process.on('disconnect', () => process.exit())
} else {
  parentPort.on('message', async () => parentPort.postMessage(await answer()))
}
