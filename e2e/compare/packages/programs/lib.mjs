/** What the programs share: their settings, servers in the same process, and the line that they end with. */
import { once } from 'node:events'
import https from 'node:https'

/** `ca`, `cert` and `key` in PEM; `host`, `port` and what else the server needs, for programs that have one. */
export const settings = JSON.parse(process.argv[2])

/** More than a cache needs to show what it does. */
const VISITS = 4

let connections = 0
let resumed = 0

/** Makes visits one after the other, prints how many connections the servers here resumed, and ends. */
export async function visit(act) {
  for (let i = 0; i < VISITS; i++) {
    await act(i)
    // As programs do that connect now and then, so that all that a connection leaves behind is done.
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  if (connections > 0) process.stdout.write(`resumed ${resumed} of ${connections}\n`)
  process.exit(0)
}

/** Counts the connections of a TLS server of this process. */
export function counted(server) {
  server.on('secureConnection', socket => {
    connections++
    if (socket.isSessionReused()) resumed++
    socket.on('error', () => {})
  })
  return server
}

/** Starts a server and returns its port. */
export async function listen(server, port = 0) {
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return server.address().port
}

/** Starts an HTTPS server that answers with the path. */
export async function startWeb(options = {}) {
  const { cert, key } = settings
  const server = https.createServer({ cert, key, ...options }, (request, response) =>
    response.end(request.url),
  )
  return { server, port: await listen(counted(server)) }
}

/** Reads the words of a response of Node.js. */
export async function textOf(response) {
  let text = ''
  for await (const chunk of response) text += chunk
  return text
}
