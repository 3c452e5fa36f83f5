/** Transports that the caller brings. */
import { once } from 'node:events'
import net from 'node:net'
import { Duplex } from 'node:stream'
import tls from 'node:tls'
import { describeError } from '../recorder.mjs'
import { closed, closedPort, quietly } from '../world.mjs'

export const transports = [
  {
    name: 'socket that is connected',
    run: async t => {
      const given = net.connect(t.port)
      await once(given, 'connect')
      await t.talk(tls.connect({ socket: given, ca: t.pki.root, servername: 'localhost' }))
    },
  },
  {
    name: 'socket that is connected, host and port given as well',
    run: async t => {
      const given = net.connect(t.port)
      await once(given, 'connect')
      await t.talk(tls.connect(t.options({ socket: given })))
    },
  },
  {
    name: 'socket that is connecting',
    run: t => t.talk(tls.connect({ socket: net.connect(t.port), ca: t.pki.root, servername: 'localhost' })),
  },
  {
    name: 'socket that is not connected yet',
    run: t => {
      const given = new net.Socket()
      const socket = tls.connect({ socket: given, ca: t.pki.root, servername: 'localhost' })
      setTimeout(() => given.connect(t.port), 10)
      return t.talk(socket)
    },
  },
  {
    name: 'socket that is destroyed',
    run: async t => {
      const given = net.connect(t.port)
      await once(given, 'connect')
      given.destroy()
      try {
        await quietly(t, tls.connect({ socket: given, ca: t.pki.root, servername: 'localhost' }))
      } catch (error) {
        t.note(`throws ${describeError(error)}`)
      }
    },
  },
  {
    name: 'socket that fails to connect',
    run: async t =>
      quietly(t, tls.connect({ socket: net.connect(await closedPort(), '127.0.0.1'), ca: t.pki.root })),
  },
  {
    name: 'socket.connect() on a tls.TLSSocket',
    run: t => {
      const socket = new tls.TLSSocket(undefined, {
        secureContext: tls.createSecureContext({ ca: t.pki.root }),
      })
      socket.connect(t.port)
      socket.once('secure', () => socket.emit('secureConnect'))
      socket.write('early')
      return t.talk(socket)
    },
  },
  {
    name: 'Duplex around a socket',
    run: async t => {
      const inner = net.connect(t.port)
      await once(inner, 'connect')
      await t.talk(tls.connect({ socket: duplexAround(inner), ca: t.pki.root, servername: 'localhost' }))
    },
  },
  {
    name: 'pair of Duplexes',
    run: async t => {
      const [near, far] = duplexPair()
      const server = new tls.TLSSocket(far, { isServer: true, ...t.serverOptions({}) })
      server.on('error', () => {}).pipe(server)
      await t.talk(tls.connect({ socket: near, ca: t.pki.root, servername: 'localhost' }))
    },
  },
  {
    name: 'TLS in TLS',
    server: async t => {
      const inner = await t.echo()
      const outer = tls.createServer(t.serverOptions({}), socket => {
        const onward = net.connect(inner.address().port)
        socket.on('error', () => onward.destroy()).on('close', () => onward.destroy())
        onward.on('error', () => socket.destroy()).on('close', () => socket.destroy())
        socket.pipe(onward).pipe(socket)
      })
      t.kept.outerPort = await t.listen(outer)
    },
    run: async t => {
      const outer = tls.connect(t.options({ port: t.kept.outerPort }))
      t.watch(outer, 'outer').on('error', () => {})
      await once(outer, 'secureConnect')
      await t.talk(tls.connect({ socket: outer, ca: t.pki.root, servername: 'localhost' }), {
        label: 'inner',
      })
      await closed(outer)
    },
  },
  {
    name: 'upgrade after words in clear',
    server: async t => {
      const context = tls.createSecureContext(t.serverOptions({}))
      await t.listen(
        net.createServer(socket => {
          socket.on('error', () => {}).write('220 ready\r\n')
          socket.once('data', () => {
            socket.write('220 go on\r\n')
            const secure = new tls.TLSSocket(socket, { isServer: true, secureContext: context })
            secure.on('error', () => {}).pipe(secure)
          })
        }),
      )
    },
    run: async t => {
      const plain = net.connect(t.port)
      await once(plain, 'data')
      plain.write('STARTTLS\r\n')
      await once(plain, 'data')
      plain.removeAllListeners('data')
      await t.talk(tls.connect({ socket: plain, ca: t.pki.root, servername: 'localhost' }))
      t.note(`below: destroyed ${plain.destroyed}`, 'below')
    },
  },
]

function duplexAround(inner) {
  const outer = new Duplex({
    read() {
      inner.resume()
    },
    write(chunk, encoding, callback) {
      inner.write(chunk, encoding, callback)
    },
    final(callback) {
      inner.end(callback)
    },
    destroy(error, callback) {
      inner.destroy()
      callback(error)
    },
  })
  inner
    .on('data', chunk => outer.push(chunk))
    .on('end', () => outer.push(null))
    .on('error', error => outer.destroy(error))
  inner.on('close', () => outer.destroy())
  return outer
}

function duplexPair() {
  const ends = [0, 1].map(
    index =>
      new Duplex({
        read() {},
        write(chunk, _encoding, callback) {
          setImmediate(() => {
            ends[1 - index].push(chunk)
            callback()
          })
        },
        final(callback) {
          ends[1 - index].push(null)
          callback()
        },
      }),
  )
  return ends
}
