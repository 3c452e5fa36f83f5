import net from 'node:net'
import tls from 'node:tls'
import { closed, quietly, sleep } from '../world.mjs'

export const endings = [
  {
    name: 'signal aborted before',
    run: t => quietly(t, tls.connect(t.options({ signal: AbortSignal.abort() }))),
  },
  {
    name: 'signal aborted before, to an address',
    run: t => quietly(t, tls.connect(t.options({ host: '127.0.0.1', signal: AbortSignal.abort() }))),
  },
  {
    name: 'signal aborted at the next tick',
    run: t => aborted(t, (_socket, abort) => process.nextTick(abort)),
  },
  { name: 'signal aborted in a microtask', run: t => aborted(t, (_socket, abort) => queueMicrotask(abort)) },
  { name: 'signal aborted at lookup', run: t => aborted(t, (socket, abort) => socket.on('lookup', abort)) },
  { name: 'signal aborted at connect', run: t => aborted(t, (socket, abort) => socket.on('connect', abort)) },
  {
    name: 'signal aborted right after connect',
    run: t => aborted(t, (socket, abort) => socket.on('connect', () => setImmediate(abort))),
  },
  {
    name: 'signal aborted at secureConnect',
    run: t => aborted(t, (socket, abort) => socket.on('secureConnect', abort)),
  },
  { name: 'signal aborted at data', run: t => aborted(t, (socket, abort) => socket.on('data', abort)) },
  {
    name: 'signal aborted after close',
    run: async t => {
      const controller = new AbortController()
      await t.talk(tls.connect(t.options({ signal: controller.signal })))
      controller.abort()
      await sleep(10)
    },
  },
  {
    name: 'destroyed at once',
    run: t => {
      const socket = tls.connect(t.options())
      t.watch(socket).on('error', () => {})
      socket.destroy()
      return closed(socket)
    },
  },
  {
    name: 'destroyed at once with an error',
    run: t => {
      const socket = tls.connect(t.options())
      t.watch(socket).on('error', () => {})
      socket.destroy(new Error('mine'))
      return closed(socket)
    },
  },
  ...['lookup', 'connect', 'secureConnect', 'session', 'data'].map(event => ({
    name: `destroyed at ${event}`,
    run: t => {
      const socket = tls.connect(t.options())
      // On a resumed connection of TLS 1.2 no session comes.
      socket.on(event, () => socket.destroy()).on('data', () => socket.end())
      return t.talk(socket)
    },
  })),
  {
    name: 'destroyed late',
    run: t => {
      const socket = tls.connect(t.options())
      socket.on('data', () => setTimeout(() => socket.destroy(), 20))
      t.watch(socket).on('error', () => {})
      socket.on('secureConnect', () => socket.write('word'))
      return closed(socket)
    },
  },
  {
    name: 'destroySoon()',
    run: t => {
      const socket = tls.connect(t.options())
      socket.on('secureConnect', () => {
        socket.write('word')
        socket.destroySoon()
      })
      t.watch(socket)
      return closed(socket)
    },
  },
  {
    name: 'ended before secure',
    run: t => {
      const socket = tls.connect(t.options())
      t.watch(socket).on('error', () => {})
      socket.resume()
      socket.end()
      return closed(socket)
    },
  },
  {
    name: 'ended with data at once',
    run: async t => {
      const socket = tls.connect(t.options())
      t.watch(socket).on('error', () => {})
      let text = ''
      socket.on('data', data => {
        text += data
      })
      socket.end('all of it', () => t.note('end callback', 'callback'))
      await closed(socket)
      t.note(text, 'text')
    },
  },
  {
    name: 'half-open',
    server: t => t.echo({ allowHalfOpen: true }),
    run: t => {
      const socket = tls.connect(t.options({ allowHalfOpen: true }))
      socket.on('end', () => socket.end())
      t.watch(socket)
      socket.on('secureConnect', () => {
        socket.resume()
        socket.end('word')
      })
      return closed(socket)
    },
  },
  {
    name: 'server ends at once',
    server: async t => {
      await t.listen(tls.createServer(t.serverOptions({}), socket => socket.on('error', () => {}).end('bye')))
    },
    run: t => {
      const socket = tls.connect(t.options())
      socket.resume()
      t.watch(socket)
      return closed(socket)
    },
  },
  {
    name: 'server resets before the handshake',
    server: async t => {
      await t.listen(net.createServer(socket => socket.on('error', () => {}).resetAndDestroy()))
    },
    run: t => t.talk(tls.connect(t.options({ host: '127.0.0.1' }))),
  },
  {
    name: 'server ends in the handshake',
    server: async t => {
      await t.listen(
        net.createServer(socket => socket.on('error', () => {}).once('data', () => socket.end())),
      )
    },
    run: t => t.talk(tls.connect(t.options({ host: '127.0.0.1' }))),
  },
  {
    name: 'server does not speak TLS',
    server: async t => {
      await t.listen(
        net.createServer(socket => socket.on('error', () => {}).end('HTTP/1.1 400 Bad Request\r\n\r\n')),
      )
    },
    run: t => t.talk(tls.connect(t.options({ host: '127.0.0.1' }))),
  },
  {
    name: 'timeout of the options',
    server: async t => {
      await t.listen(net.createServer(socket => socket.on('error', () => {}).resume()))
    },
    run: t => {
      const socket = tls.connect(t.options({ host: '127.0.0.1', timeout: 100 }))
      socket.on('timeout', () => socket.destroy(new Error('timed out')))
      return t.talk(socket)
    },
  },
  {
    name: 'setTimeout() while idle',
    run: t => {
      const socket = tls.connect(t.options())
      t.watch(socket)
      socket.on('secureConnect', () => {
        socket.resume()
        socket.setTimeout(60, () => socket.end())
      })
      return closed(socket)
    },
  },
]

function aborted(t, arrange) {
  const controller = new AbortController()
  const socket = tls.connect(t.options({ signal: controller.signal }))
  arrange(socket, () => controller.abort())
  socket.on('secureConnect', () => socket.write('word'))
  return quietly(t, socket)
}
