import { once } from 'node:events'
import net, { type AddressInfo } from 'node:net'
import type { ExecutionContext } from 'ava'

/** A connection that goes through a {@link StallingProxy}. */
export interface Passage {
  client: net.Socket
  /** The number of bytes that the client has sent. */
  sent: number
  /** Starts to forward the server's answers. */
  open(): void
}

/** A TCP proxy that counts what a client sends and can withhold the answers of the server. */
export interface StallingProxy {
  port: number
  passages: Passage[]
  /** Waits for the next connection. */
  next(): Promise<Passage>
}

/** Withholds the answers on the connections with these indices until `open` is called for each. */
export async function startStallingProxy(
  t: ExecutionContext,
  to: number,
  held: readonly number[] = [0],
): Promise<StallingProxy> {
  const passages: Passage[] = []
  const proxy = net.createServer(client => {
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
    if (!held.includes(passages.push(passage) - 1)) passage.open()
    proxy.emit('passage', passage)
  })
  proxy.listen(0, '127.0.0.1')
  t.teardown(() => {
    for (const { client } of passages) client.destroy()
    proxy.close()
  })
  await once(proxy, 'listening')
  const { port } = proxy.address() as AddressInfo
  return { port, passages, next: async () => (await once(proxy, 'passage'))[0] }
}
