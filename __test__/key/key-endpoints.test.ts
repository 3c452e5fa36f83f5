import { once } from 'node:events'
import net from 'node:net'
import { Duplex } from 'node:stream'
import tls from 'node:tls'
import test from 'ava'
import { sessionKey } from 'tls-resumption'
import { startServer } from '../support/server.ts'

test('an address and port is an endpoint', t => {
  const key = sessionKey({ host: '192.0.2.1', port: 9042 })
  t.regex(key ?? '', /^tcp:192\.0\.2\.1:9042 /)
  t.not(key, sessionKey({ host: '192.0.2.2', port: 9042 }))
  t.not(key, sessionKey({ host: '192.0.2.1', port: 9142 }))
})

test('what is too long to be read in the key counts all the same', t => {
  const host = 'a'.repeat(300)
  t.not(sessionKey({ host, port: 1 }), sessionKey({ host, port: 2 }))
})

test('no host is localhost, as it is for tls.connect', t => {
  t.is(sessionKey({ port: 1 }), sessionKey({ host: 'localhost', port: 1 }))
})

test('session key: a server name separates hosts behind one proxy address', t => {
  const behindProxy = (servername: string) => sessionKey({ host: '192.0.2.1', port: 9042, servername })
  t.not(behindProxy('node-1'), behindProxy('node-2'))
})

test('session key: a host, and the same name sent as server name, have different keys', t => {
  // Without the option no name is sent, and the peer may answer with another certificate.
  t.not(
    sessionKey({ host: 'a.example', port: 1 }),
    sessionKey({ host: 'a.example', port: 1, servername: 'a.example' }),
  )
})

test('session key: the name to verify counts where the endpoint is the same', t => {
  const verifying = (host: string) => sessionKey({ path: '/run/db.sock', host })
  t.not(verifying('a.example'), verifying('b.example'))
})

test('a unix socket is an endpoint of its own', t => {
  t.regex(sessionKey({ path: '/run/db.sock' }) ?? '', /^unix:\/run\/db\.sock /)
  t.not(sessionKey({ path: '/run/db.sock' }), sessionKey({ path: '/run/db2.sock' }))
  t.not(sessionKey({ path: 'a:1' }), sessionKey({ host: 'a', port: 1 }))
})

test('session key: a partition separates hosts at one address', t => {
  const host = (cachePartition: string) => sessionKey({ host: '192.0.2.1', port: 9042, cachePartition })
  t.is(host('id-1'), host('id-1'))
  t.not(host('id-1'), host('id-2'))
})

test('a connected socket is the endpoint it is connected to', async t => {
  const { port } = await startServer(t)
  const connect = async () => {
    const socket = net.connect(port, '127.0.0.1')
    t.teardown(() => socket.destroy())
    await once(socket, 'connect')
    return socket
  }
  const [one, other] = [await connect(), await connect()]
  t.is(sessionKey({ socket: one }), sessionKey({ socket: other }))
  t.not(
    sessionKey({ socket: one }),
    sessionKey({ host: '127.0.0.1', port }),
    'and never that of a direct one',
  )
  t.not(sessionKey({ socket: one }), sessionKey({ socket: one, servername: 'origin.example' }))
})

test('a socket that is yet to connect has no key, since its port is unknown', async t => {
  const { port } = await startServer(t)
  const socket = new net.Socket()
  t.teardown(() => socket.destroy())
  const keyOf = () => sessionKey({ socket, host: 'localhost', servername: 'localhost' })
  t.is(keyOf(), undefined)
  socket.connect(port, '127.0.0.1')
  t.is(keyOf(), undefined)
  await once(socket, 'connect')
  t.regex(keyOf() ?? '', /^over-tcp:127\.0\.0\.1:/)
})

test('the leg to a proxy and what runs inside it never share a key', async t => {
  const { port, ca } = await startServer(t)
  const proxy = tls.connect({ port, ca, servername: 'localhost' })
  t.teardown(() => proxy.destroy())
  await once(proxy, 'secureConnect')
  const plain = net.connect(port, '127.0.0.1')
  t.teardown(() => plain.destroy())
  await once(plain, 'connect')
  const keys = [
    sessionKey({ port, host: '127.0.0.1', servername: 'localhost' }),
    sessionKey({ socket: proxy, servername: 'localhost' }),
    sessionKey({ socket: plain, servername: 'localhost' }),
  ]
  t.is(new Set(keys).size, 3)
})

test('a stream that cannot say where it leads is cacheable only if the options name the peer', t => {
  const socket = new Duplex({ read() {}, write() {} })
  t.is(sessionKey({ socket }), undefined)
  t.is(sessionKey({ socket, cachePartition: 'a' }), undefined, 'a partition names no peer')
  for (const named of [{ servername: 'a' }, { host: 'a' }]) {
    t.is(typeof sessionKey({ socket, ...named }), 'string')
  }
})
