/** Sockets that are given before they are connected: where they lead is known only then. */

import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import net from 'node:net'
import tls from 'node:tls'
import test, { type ExecutionContext } from 'ava'
import { type ClientMessage, connect, install, purge, SessionCache, uninstall } from 'tls-resumption'
import { finish, startServer } from '../support/server.ts'

const VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const
type Connect = (options: tls.ConnectionOptions) => tls.TLSSocket

/** Ways to give a socket that leads to a port once it is connected. */
const GIVEN: Record<string, (port: number) => { socket: net.Socket; dial(): void }> = {
  'still connecting': port => ({ socket: net.connect(port, '127.0.0.1'), dial() {} }),
  'not yet connecting': port => {
    const socket = new net.Socket()
    return { socket, dial: () => socket.connect(port, '127.0.0.1') }
  },
}

async function visit(by: Connect, ca: string, port: number, given: keyof typeof GIVEN) {
  const { socket, dial } = (GIVEN[given] as (typeof GIVEN)[string])(port)
  const secure = by({ socket, ca, servername: 'localhost' })
  dial()
  // The peer may have ended the transport first: Node.js then reports EPIPE at the end.
  secure.on('error', () => {})
  const result = { resumed: false, authorized: false }
  secure.once('secureConnect', () => {
    result.resumed = secure.isSessionReused()
    result.authorized = secure.authorized
  })
  await new Promise(resolve => secure.resume().once('close', resolve))
  return result
}

async function startTwo(t: ExecutionContext, maxVersion: tls.SecureVersion) {
  const [one, other] = await Promise.all([startServer(t, { maxVersion }), startServer(t, { maxVersion })])
  return { ca: one.ca, ports: [one.port, other.port, one.port, other.port, one.port] }
}

for (const version of VERSIONS) {
  for (const given of Object.keys(GIVEN)) {
    test.serial(
      `${version}: sockets ${given} resume, and never share a session with another port`,
      async t => {
        const { ca, ports } = await startTwo(t, version)
        const sessionCache = new SessionCache()
        const plain: boolean[] = []
        const resumed: boolean[] = []
        for (const port of ports) {
          const expected = await visit(tls.connect, ca, port, given)
          const actual = await visit(options => connect({ ...options, sessionCache }), ca, port, given)
          t.deepEqual({ ...actual, resumed: expected.resumed }, expected)
          plain.push(expected.resumed)
          resumed.push(actual.resumed)
        }
        t.deepEqual(plain, [false, false, false, false, false])
        t.deepEqual(resumed, [false, false, true, true, true])
      },
    )

    test.serial(`${version}: a purge before a socket ${given} is connected means it`, async t => {
      const { ca, port } = await startServer(t, { maxVersion: version })
      const sessionCache = new SessionCache()
      const by: Connect = options => connect({ ...options, sessionCache })
      await visit(by, ca, port, given)
      t.true((await visit(by, ca, port, given)).resumed)
      const purging: Connect = options => {
        const socket = by(options)
        purge({ host: '127.0.0.1', port })
        return socket
      }
      t.false((await visit(purging, ca, port, given)).resumed)
    })

    test.serial(`${version}: install() excludes sockets ${given} by where they lead to`, async t => {
      const { ca, ports } = await startTwo(t, version)
      const [one] = ports
      t.teardown(uninstall)
      for (const [options, expected] of [
        [{ exclude: [`127.0.0.1:${one}`] }, [false, false, false, true, false]],
        [{ include: [`127.0.0.1:${one}`] }, [false, false, true, false, true]],
      ] as const) {
        install({ sessionCache: new SessionCache(), ...options })
        const resumed: boolean[] = []
        for (const port of ports) resumed.push((await visit(tls.connect, ca, port, given)).resumed)
        t.deepEqual(resumed, expected)
      }
    })
  }

  test.serial(
    `${version}: a session that the caller sets before the socket is connected is offered`,
    async t => {
      const { ca, port } = await startServer(t, { maxVersion: version })
      const plain = tls.connect({ port, ca, servername: 'localhost' })
      const [[session]] = await Promise.all([once(plain, 'session'), finish(plain)])
      const sessionCache = new SessionCache()
      const socket = new net.Socket()
      const secure = connect({ socket, ca, servername: 'localhost', sessionCache })
      ;(secure as tls.TLSSocket & { setSession(session: Buffer): void }).setSession(session as Buffer)
      socket.connect(port, '127.0.0.1')
      await once(secure, 'secureConnect')
      t.true(secure.isSessionReused())
      secure.on('error', () => {}).resume()
      await new Promise(resolve => secure.once('close', resolve))
      t.is(sessionCache.stats().sets, 0)
    },
  )
}

test.serial('a socket that never connects is reported once, with the error of plain Node', async t => {
  const closed = net.createServer().listen(0, '127.0.0.1')
  await once(closed, 'listening')
  const { port } = closed.address() as net.AddressInfo
  closed.close()
  await once(closed, 'close')
  const messages: ClientMessage[] = []
  const listen = (message: unknown) => messages.push(message as ClientMessage)
  subscribe('tls-resumption:client', listen)
  t.teardown(() => unsubscribe('tls-resumption:client', listen))
  const fail = async (by: Connect) => {
    const socket = net.connect(port, '127.0.0.1')
    const under = once(socket, 'error')
    const secure = by({ socket, servername: 'localhost' })
    const [[error]] = await Promise.all([once(secure, 'error'), under])
    return (error as NodeJS.ErrnoException).code
  }
  t.is(
    await fail(options => connect({ ...options, sessionCache: new SessionCache() })),
    await fail(tls.connect),
  )
  t.deepEqual(
    messages.map(({ reason }) => reason),
    ['failed'],
  )
})
