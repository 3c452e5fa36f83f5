/** A process that connects to each endpoint several times, and reports to its parent how many full handshakes that took. */
import { once } from 'node:events'
import { connect, SessionCache } from 'tls-resumption'
import type { ProcessesRun, ProcessOrder } from './processes.ts'

const { path, ca, ports, rounds }: ProcessOrder = JSON.parse(process.argv[2] as string)
const sessionCache = new SessionCache({ path })
const run: ProcessesRun = { connections: 0, full: 0 }

async function visit(port: number): Promise<void> {
  const socket = connect({ port, ca, servername: 'localhost', sessionCache })
  socket.resume()
  socket.once('secureConnect', () => {
    run.connections++
    if (!socket.isSessionReused()) run.full++
  })
  await once(socket, 'close')
}

for (let round = 0; round < rounds; round++) for (const port of ports) await visit(port)
process.send?.(run)
process.on('disconnect', () => process.exit())
