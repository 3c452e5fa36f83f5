import { once } from 'node:events'
import net, { type AddressInfo } from 'node:net'
import type { ExecutionContext } from 'ava'

/** Starts a TCP relay that delays the first answer on each connection, as a distant peer does. Returns its port. */
export async function startSlowRelay(t: ExecutionContext, to: number, delay: () => number): Promise<number> {
  const relay = net.createServer(client => {
    const server = net.connect(to, '127.0.0.1')
    const milliseconds = delay()
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      one.on('error', () => {}).on('close', () => other.destroy())
    }
    client.pipe(server)
    server.once('data', first => {
      server.pause()
      setTimeout(() => {
        client.write(first)
        server.pipe(client)
      }, milliseconds)
    })
  })
  t.teardown(() => relay.close())
  await once(relay.listen(0, '127.0.0.1'), 'listening')
  return (relay.address() as AddressInfo).port
}
