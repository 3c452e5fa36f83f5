/** The ClientHello of a connection may come in parts, and another connection may start or end between them. */
import { once } from 'node:events'
import net, { type AddressInfo } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import tls, { type SecureVersion } from 'node:tls'
import test, { type ExecutionContext } from 'ava'
import { TicketKeys } from 'tls-resumption'
import { startServer } from '../support/server.ts'

interface Visit {
  resumed: boolean
  tickets: Buffer[]
}

/** Starts a proxy that passes on the first bytes of a ClientHello, calls `between`, and passes on the others. */
async function startSplitter(
  t: ExecutionContext,
  target: number,
  between: () => Promise<void>,
): Promise<number> {
  const proxy = net.createServer(client => {
    const server = net.connect(target, '127.0.0.1')
    server.pipe(client)
    client.on('error', () => {})
    server.on('error', () => {})
    client.once('data', async (hello: Buffer) => {
      client.pause()
      server.write(hello.subarray(0, 50))
      await setTimeout(50)
      await between()
      server.write(hello.subarray(50))
      client.pipe(server)
    })
  })
  t.teardown(() => proxy.close())
  await once(proxy.listen(0, '127.0.0.1'), 'listening')
  return (proxy.address() as AddressInfo).port
}

async function visit(options: tls.ConnectionOptions): Promise<Visit> {
  const socket = tls.connect({ host: '127.0.0.1', servername: 'localhost', ...options })
  const result: Visit = { resumed: false, tickets: [] }
  socket.on('session', ticket => result.tickets.push(ticket))
  socket.once('secureConnect', () => {
    result.resumed = socket.isSessionReused()
  })
  socket.resume()
  await once(socket, 'close')
  return result
}

for (const [version, other] of [
  ['TLSv1.2', 'TLSv1.2'],
  ['TLSv1.2', 'TLSv1.3'],
  ['TLSv1.3', 'TLSv1.2'],
  ['TLSv1.3', 'TLSv1.3'],
] satisfies [SecureVersion, SecureVersion][]) {
  for (const end of ['ends', 'stays'] as const) {
    test(`${version}: another connection (${other}) that ${end} between the parts of a ClientHello changes nothing`, async t => {
      for (const isOurs of [false, true]) {
        const { server, port, ca } = await startServer(t)
        if (isOurs) new TicketKeys().attach(server)
        const options = { ca, minVersion: version, maxVersion: version }
        const others = { ca, port, minVersion: other, maxVersion: other }
        const { tickets } = await visit({ ...options, port })
        const between = async () => {
          const socket = tls.connect({ host: '127.0.0.1', servername: 'localhost', ...others })
          t.teardown(() => socket.destroy())
          await once(socket, 'secureConnect')
          if (end === 'stays') return
          socket.resume()
          await once(socket, 'close')
          // The server closes its end.
          await setTimeout(50)
        }
        const split = await startSplitter(t, port, between)
        const { resumed, tickets: renewed } = await visit({
          ...options,
          port: split,
          session: tickets.at(-1),
        })
        t.true(resumed)
        // A TLS 1.3 client uses each ticket once. Node alone gives it no new one.
        if (isOurs && version === 'TLSv1.3') t.true(renewed.length > 0)
      }
    })
  }
}

/** Returns the ClientHello that a client of the version sends. */
async function helloOf(t: ExecutionContext, version: SecureVersion): Promise<Buffer> {
  const listener = net.createServer(socket => socket.on('error', () => {}))
  t.teardown(() => listener.close())
  await once(listener.listen(0, '127.0.0.1'), 'listening')
  const { port } = listener.address() as AddressInfo
  const client = tls.connect({ host: '127.0.0.1', port, minVersion: version, maxVersion: version })
  client.on('error', () => {})
  const [socket] = await once(listener, 'connection')
  const [hello] = await once(socket, 'data')
  client.destroy()
  return hello
}

test.serial(
  'clients that send a part of a ClientHello have TLS 1.2 tickets renewed, until they go',
  async t => {
    const { server, port, ca } = await startServer(t)
    const keys = new TicketKeys()
    keys.attach(server)
    const newTickets = async (version: SecureVersion) => {
      const only = { ca, port, minVersion: version, maxVersion: version }
      const { tickets } = await visit(only)
      const { issued } = keys.stats()
      t.true((await visit({ ...only, session: tickets.at(-1) })).resumed)
      return keys.stats().issued - issued
    }
    t.deepEqual([await newTickets('TLSv1.2'), await newTickets('TLSv1.3')], [0, 1])
    const part = (await helloOf(t, 'TLSv1.2')).subarray(0, 50)
    const slow = Array.from({ length: 20 }, () => net.connect(port, '127.0.0.1'))
    for (const socket of slow) socket.on('error', () => {}).write(part)
    await setTimeout(200)
    t.deepEqual([await newTickets('TLSv1.2'), await newTickets('TLSv1.3')], [1, 1])
    const isReset = Promise.all(slow.map(socket => once(socket, 'close')))
    for (const socket of slow) socket.destroy()
    await isReset
    await setTimeout(200)
    t.deepEqual([await newTickets('TLSv1.2'), await newTickets('TLSv1.3')], [0, 1])
  },
)
