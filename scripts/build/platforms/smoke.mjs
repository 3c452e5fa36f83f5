/**
 * `smoke.mjs PACKAGE CERTIFICATES RESULT`: runs on the platform under test, with the addon in
 * TLS_RESUMPTION_ADDON. Connects over TLS 1.2 and 1.3, each twice and then once from a worker. Writes which
 * connections resumed to the file RESULT, because imitated Windows systems may have no standard output.
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

/** Resolves with true if the connection resumed. Ends it as soon as it has a session for the next one. */
async function resumes(port, maxVersion) {
  const sessionCache = new SessionCache({ name: 'smoke', max: 100 })
  const ca = pem('ca')
  const socket = connect({ port, host: 'localhost', ca, maxVersion, sessionCache })
  // Node's own event. The package listens first, so it has stored the session by then.
  const session = once(socket, 'session')
  await once(socket, 'secureConnect')
  const reused = socket.isSessionReused()
  if (!reused) await session
  // Not destroyed: an application that destroys a connection before its first byte may have rejected the peer.
  socket.resume().end()
  await once(socket, 'close')
  return reused
}

// Node under Wine cannot write to a pipe, so errors go to the file too.
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
  // A destroyed client leaves nothing to wait for, but a server may.
  process.exit()
} else {
  const { port, version } = workerData
  parentPort.postMessage(await resumes(port, version))
}
