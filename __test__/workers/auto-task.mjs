// A task of a thread pool. It connects twice and returns the kinds of handshakes.
import { once } from 'node:events'
import tls from 'node:tls'

export default async function task({ port, ca }) {
  const met = []
  for (let n = 0; n < 2; n++) {
    const socket = tls.connect({ port, host: '127.0.0.1', servername: 'localhost', ca })
    socket.on('secureConnect', () => met.push(socket.isSessionReused() ? 'resumed' : 'full'))
    socket.resume()
    await once(socket, 'close')
  }
  return met
}
