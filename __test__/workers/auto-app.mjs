// An application that does not import the package. It connects twice, as does its worker, and prints the kinds of handshakes.
import { once } from 'node:events'
import tls from 'node:tls'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'

const { port, ca, how = 'plain' } = isMainThread ? JSON.parse(process.argv[2]) : workerData

async function visit() {
  const socket = tls.connect({ port, host: '127.0.0.1', servername: 'localhost', ca })
  let resumed = false
  socket.on('secureConnect', () => {
    resumed = socket.isSessionReused()
  })
  socket.resume()
  await once(socket, 'close')
  return resumed ? 'resumed' : 'full'
}

const met = [await visit(), await visit()]
if (!isMainThread) {
  parentPort.postMessage(met)
} else {
  const worker = startWorker(how, new URL(import.meta.url))
  if (worker !== undefined) met.push(...(await worker))
  console.log(JSON.stringify(met))
}

/** Starts a thread in one of the usual ways. Returns undefined if `how` names none of them. */
function startWorker(how, url) {
  const data = { workerData: { port, ca } }
  const inWorker = async (...args) => (await once(new Worker(...args), 'message'))[0]
  switch (how) {
    case 'plain':
      return inWorker(url, data)
    case 'own execArgv':
      return inWorker(url, { ...data, execArgv: [] })
    case 'own execArgv with the import':
      return inWorker(url, { ...data, execArgv: ['--import', 'tls-resumption/auto'] })
    case 'own env':
      return inWorker(url, { ...data, env: {} })
    case 'own env that says off':
      return inWorker(url, { ...data, env: { TLS_RESUMPTION: 'off' } })
    case 'eval':
      return inWorker(`import(${JSON.stringify(url.href)})`, { ...data, eval: true })
    case 'piscina':
    case 'tinypool':
      return inPool(how)
    default:
      return undefined
  }
}

async function inPool(name) {
  const { default: Pool } = await import(name)
  const pool = new Pool({ filename: new URL('./auto-task.mjs', import.meta.url).href, maxThreads: 1 })
  try {
    return await pool.run({ port, ca })
  } finally {
    await pool.destroy()
  }
}
