/**
 * Prints the process trust of the thread, after the application has removed what it is made of, and that of a bare worker. An
 * argument is first written to the configuration of OpenSSL. Two are a link that is first made again, and where it leads.
 */
import { symlinkSync, unlinkSync, writeFileSync } from 'node:fs'
import { isMainThread, parentPort, Worker } from 'node:worker_threads'

const [, , first, target] = process.argv
if (isMainThread && target !== undefined) {
  unlinkSync(first)
  symlinkSync(target, first)
} else if (isMainThread && first !== undefined) writeFileSync(process.env.OPENSSL_CONF, first)
const { processTrust } = await import('../../dist/key/process-trust.js')

if (isMainThread) {
  for (const name of ['OPENSSL_CONF', 'OPENSSL_ENGINES', 'OPENSSL_MODULES', 'LD_LIBRARY_PATH'])
    delete process.env[name]
  process.execArgv.length = 0
  const worker = new Worker(new URL(import.meta.url), { execArgv: [], env: {} })
  worker.once('message', ofWorker => console.log(JSON.stringify([processTrust(), ofWorker])))
} else {
  parentPort?.postMessage(processTrust())
}
