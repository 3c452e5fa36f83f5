/** Prints the process trust of the thread, after the application has removed what it is made of, and that of a bare worker. */
import { isMainThread, parentPort, Worker } from 'node:worker_threads'
import { processTrust } from '../../dist/key/process-trust.js'

if (isMainThread) {
  delete process.env.OPENSSL_CONF
  process.execArgv.length = 0
  const worker = new Worker(new URL(import.meta.url), { execArgv: [], env: {} })
  worker.once('message', ofWorker => console.log(JSON.stringify([processTrust(), ofWorker])))
} else {
  parentPort?.postMessage(processTrust())
}
