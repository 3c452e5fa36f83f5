/**
 * Starts a server on loopback and connects twice over each version of TLS, with the package's `connect` and
 * `SessionCache`. The second connection has to resume. Prints which ones did.
 */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import tls from 'node:tls'

export async function resume({ connect, SessionCache }) {
  const pem = name => readFileSync(join(process.env.CERTIFICATES, `${name}.pem`))
  const [ca, cert, key] = ['ca', 'cert', 'key'].map(pem)
  const sessionCache = new SessionCache({ max: 10 })
  const seen = []
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3']) {
    const server = tls.createServer({ cert, key }, socket => socket.on('error', () => {}))
    await once(server.listen(0, 'localhost'), 'listening')
    for (let count = 0; count < 2; count++) {
      const { port } = server.address()
      const socket = connect({ port, host: 'localhost', ca, maxVersion, sessionCache })
      const session = once(socket, 'session')
      await once(socket, 'secureConnect')
      const reused = socket.isSessionReused()
      if (!reused) await session
      seen.push(reused)
      // Not destroyed: an application that destroys a connection before its first byte may have rejected the peer.
      socket.resume().end()
      await once(socket, 'close')
    }
    server.close()
  }
  console.log(JSON.stringify(seen))
}
