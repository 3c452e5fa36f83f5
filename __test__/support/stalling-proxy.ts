import { once } from 'node:events'
import net, { type AddressInfo } from 'node:net'
import type { ExecutionContext } from 'ava'

/** A connection that goes through a {@link Gate}. */
export interface Passage {
  client: net.Socket
  /** How many bytes the client has sent. */
  sent: number
  /** Lets what the server says through. */
  open(): void
}

/** A TCP proxy that shows whether a client has said hello, and keeps back what the server answers. */
export interface Gate {
  port: number
  passages: Passage[]
  /** The next connection, as soon as it is there. */
  next(): Promise<Passage>
}

/** Keeps the answers of the first `held` connections back until each is opened. */
export async function startGate(t: ExecutionContext, to: number, held = 1): Promise<Gate> {
  const passages: Passage[] = []
  const gate = net.createServer(client => {
    const server = net.connect(to, '127.0.0.1')
    const passage: Passage = { client, sent: 0, open: () => server.pipe(client) }
    client.on('data', data => {
      passage.sent += data.length
    })
    client.pipe(server)
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      one.on('error', () => {}).on('close', () => other.destroy())
    }
    if (passages.push(passage) > held) passage.open()
    gate.emit('passage', passage)
  })
  gate.listen(0, '127.0.0.1')
  t.teardown(() => {
    for (const { client } of passages) client.destroy()
    gate.close()
  })
  await once(gate, 'listening')
  const { port } = gate.address() as AddressInfo
  return { port, passages, next: async () => (await once(gate, 'passage'))[0] }
}
