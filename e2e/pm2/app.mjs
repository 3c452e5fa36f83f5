// A TLS server for pm2's cluster mode: with a ring that rotates, by IPC or in a file, or Node.js alone. It sends its process ID.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import tls from 'node:tls'

const { FOLDER, KEYS, PORT, ROTATE_EVERY, WAY } = process.env
const [cert, key] = ['cert', 'key'].map(name => readFileSync(join(FOLDER, `${name}.pem`)))
const server = tls.createServer({ cert, key }, socket => {
  socket.on('error', () => {})
  socket.end(`${process.pid}`)
})
if (WAY !== 'Node alone') {
  const { TicketKeys } = await import('../../lib/index.js')
  const where = WAY === 'ring in a file' ? { path: KEYS } : { name: 'edge' }
  new TicketKeys({ ...where, rotateEvery: Number(ROTATE_EVERY) }).attach(server)
}
server.listen(Number(PORT), '127.0.0.1')
process.on('SIGINT', () => {
  server.close()
  setTimeout(() => process.exit(), 200)
})
