/** Says for each member of a server's native handle that server-handshakes.ts uses whether this Node.js has it. */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { Duplex } from 'node:stream'
import tls from 'node:tls'
import test from 'ava'
import { handshakeOf, watchServerHandshakes } from '../../dist/node/server-handshakes.js'
import { finish, testAuthority } from '../support/server.ts'

const major = Number.parseInt(process.versions.node, 10)

function handleOfServerSocket(): Record<string, unknown> {
  const socket = new tls.TLSSocket(new Duplex({ read() {}, write() {} }), { isServer: true })
  socket.on('error', () => {})
  const { _handle: handle } = socket as unknown as { _handle: Record<string, unknown> }
  socket.destroy()
  return handle
}

const MEMBERS = [
  'onhandshakestart',
  'onclienthello',
  'onnewsession',
  'getProtocol',
  'getCipher',
  'getServername',
  'destroySSL',
]
for (const name of MEMBERS) {
  test.serial(`node: ${name} is a member of a server's handle`, t => {
    t.is(typeof handleOfServerSocket()[name], 'function')
  })
}

test.serial(
  'node: handles have no accessors of these names of their own, so that observing them is possible',
  t => {
    t.true(watchServerHandshakes())
  },
)

test.serial('node: the ClientHello has the server name in 20 and 22 only', async t => {
  const { cert: ca, issue } = await testAuthority()
  const identity = await issue({ commonName: 'localhost', usage: 'server' })
  const server = tls.createServer({ ...identity, maxVersion: 'TLSv1.2' }, socket => socket.end('!'))
  // Node.js calls onclienthello only with a listener for session events.
  server.on('newSession', (_id, _session, done) => done())
  server.on('resumeSession', (_id, answer) => answer(null, null as never))
  const hellos: { servername?: string }[] = []
  const handle = Object.getPrototypeOf(handleOfServerSocket())
  const observed = Object.getOwnPropertyDescriptor(handle, 'onclienthello')
  t.teardown(() => Object.defineProperty(handle, 'onclienthello', observed as PropertyDescriptor))
  Object.defineProperty(handle, 'onclienthello', {
    configurable: true,
    set(assigned: (...args: unknown[]) => unknown) {
      const value = function (this: unknown, ...args: unknown[]) {
        hellos.push(args[0] as { servername?: string })
        return assigned.apply(this, args)
      }
      Object.defineProperty(this, 'onclienthello', { value, configurable: true, writable: true })
    },
  })
  t.teardown(() => server.close())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  await finish(tls.connect({ port, ca, servername: 'localhost' }))
  t.is(hellos[0]?.servername, major < 24 ? 'localhost' : undefined)
})

test.serial('handshakes: the duration of a handshake is measured', async t => {
  watchServerHandshakes()
  const { cert: ca, issue } = await testAuthority()
  const identity = await issue({ commonName: 'localhost', usage: 'server' })
  const durations: (number | undefined)[] = []
  const server = tls.createServer(identity, socket => {
    durations.push(handshakeOf(socket)?.duration)
    socket.end('!')
  })
  t.teardown(() => server.close())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  await finish(tls.connect({ port, ca, servername: 'localhost' }))
  const [duration = 0] = durations
  t.true(duration > 0 && duration < 30_000)
})
