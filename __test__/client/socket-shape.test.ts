/** A socket looks to the application like a socket of plain Node. */
import { once } from 'node:events'
import net from 'node:net'
import tls from 'node:tls'
import test from 'ava'
import { connect, SessionCache } from 'tls-resumption'
import { startServer } from '../support/server.ts'

type Open = (options: tls.ConnectionOptions) => tls.TLSSocket

const EVENTS = ['connect', 'secureConnect', 'session', 'secure', 'data', 'end', 'error', 'close', 'keylog']

/** Returns the listeners and the own properties that an application finds on the socket. */
function shapeOf(socket: tls.TLSSocket) {
  return {
    listeners: Object.fromEntries(EVENTS.map(event => [event, socket.listenerCount(event)])),
    events: socket.eventNames().map(String).sort(),
    keys: Object.keys(socket).sort(),
  }
}

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  const FORMS: Record<string, (open: Open, port: number, ca: string) => Promise<tls.TLSSocket>> = {
    'to a port': async (open, port, ca) => open({ port, host: '127.0.0.1', servername: 'localhost', ca }),
    'over a socket that connects': async (open, port, ca) =>
      open({ socket: net.connect(port, '127.0.0.1'), servername: 'localhost', ca }),
    'over a socket that is connected': async (open, port, ca) => {
      const socket = net.connect(port, '127.0.0.1')
      await once(socket, 'connect')
      return open({ socket, servername: 'localhost', ca })
    },
    'over a socket that connects later': async (open, port, ca) => {
      const socket = new net.Socket()
      const secure = open({ socket, servername: 'localhost', ca })
      setImmediate(() => socket.connect(port, '127.0.0.1'))
      return secure
    },
  }
  for (const [form, dial] of Object.entries(FORMS)) {
    test(`${version}, ${form}: listeners and properties are those of plain Node at each stage`, async t => {
      const { port, ca } = await startServer(t, { minVersion: version, maxVersion: version })
      const stages = async (open: Open) => {
        const socket = await dial(open, port, ca)
        const shapes = [shapeOf(socket)]
        socket.once('connect', () => shapes.push(shapeOf(socket)))
        socket.once('secureConnect', () => shapes.push(shapeOf(socket)))
        // The server ends at once, which some writes do not survive: in plain Node neither.
        await once(socket.resume(), 'close').catch(() => {})
        shapes.push(shapeOf(socket))
        return shapes
      }
      const expected = await stages(tls.connect)
      t.true(expected.length >= 3)
      const sessionCache = new SessionCache()
      const open: Open = options => connect({ ...options, sessionCache })
      const ours = [await stages(open), await stages(open)]
      t.deepEqual(ours, [expected, expected])
      t.true(sessionCache.stats().hits > 0, 'the second one resumed')
    })
  }
}

test('a socket hides what it has of its own', async t => {
  const { port, ca } = await startServer(t)
  const socket = connect({
    port,
    host: '127.0.0.1',
    servername: 'localhost',
    ca,
    sessionCache: new SessionCache(),
  })
  await once(socket.resume(), 'close')
  const own = ['emit', 'setSession'].map(name => Object.getOwnPropertyDescriptor(socket, name))
  for (const descriptor of own) t.false(descriptor?.enumerable)
})
