/**
 * Runs on the platform that is tried: `smoke.mjs PACKAGE CERTIFICATES RESULT`, with the addon in
 * NAPI_RS_NATIVE_LIBRARY_PATH. Connects over TLS 1.2 and 1.3, each twice and then once from a worker, and writes to
 * RESULT which connections resumed. To a file, since not everything that imitates Windows has a standard output.
 */
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import tls from 'node:tls'
import { pathToFileURL } from 'node:url'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'

const [location, certificates, result] = isMainThread ? process.argv.slice(2) : workerData.args
const { connect, SessionCache } = await import(pathToFileURL(location).href)
const pem = name => readFileSync(join(certificates, `${name}.pem`))

/** Whether a connection resumed; it ends when it has been given a session for the next. */
async function resumes(port, maxVersion) {
  const sessionCache = new SessionCache({ name: 'smoke', max: 100 })
  const ca = pem('ca')
  const socket = connect({ port, host: 'localhost', ca, maxVersion, sessionCache })
  // Node's own event: ours has stored the session by then, since it listens first.
  const session = once(socket, 'session')
  await once(socket, 'secureConnect')
  const reused = socket.isSessionReused()
  if (!reused) await session
  socket.destroy()
  return reused
}

// Wine's Node cannot write to a pipe, so that what goes wrong goes the same way.
process.on('uncaughtException', error => {
  if (isMainThread) writeFileSync(result, JSON.stringify({ error: error.stack }))
  process.exit(1)
})

if (isMainThread) {
  const seen = {}
  for (const version of ['TLSv1.2', 'TLSv1.3']) {
    const server = tls.createServer({ cert: pem('cert'), key: pem('key') }, socket =>
      socket.on('error', () => {}),
    )
    await once(server.listen(0, 'localhost'), 'listening')
    const { port } = server.address()
    seen[version] = [await resumes(port, version), await resumes(port, version)]
    const worker = new Worker(new URL(import.meta.url), {
      workerData: { args: [location, certificates], port, version },
    })
    const [reused] = await once(worker, 'message')
    seen[version].push(reused)
    server.close()
  }
  writeFileSync(result, JSON.stringify({ node: process.version, arch: process.arch, seen }))
  // A client that was destroyed leaves nothing to be waited for, but a server might.
  process.exit()
} else {
  const { port, version } = workerData
  parentPort.postMessage(await resumes(port, version))
}
