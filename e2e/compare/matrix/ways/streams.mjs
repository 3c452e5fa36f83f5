/** Reading and writing. */
import { pipeline } from 'node:stream'
import tls from 'node:tls'
import { describeError } from '../recorder.mjs'
import { closed } from '../world.mjs'

export const streams = [
  {
    name: 'written before connect',
    run: t => {
      const socket = tls.connect(t.options())
      socket.write('early', () => t.note('written', 'callback'))
      t.watch(socket)
      socket.on('data', () => socket.end())
      return closed(socket)
    },
  },
  {
    name: 'written much before connect',
    run: async t => {
      const socket = tls.connect(t.options())
      for (let i = 0; i < 40; i++) socket.write(Buffer.alloc(10_000, i))
      let length = 0
      socket.on('data', data => {
        length += data.length
        if (length === 400_000) socket.end()
      })
      await closed(socket)
      t.note(String(length))
    },
  },
  {
    name: 'corked before connect',
    run: t => {
      const socket = tls.connect(t.options())
      socket.cork()
      socket.write('one')
      socket.write('two')
      process.nextTick(() => socket.uncork())
      t.watch(socket)
      socket.on('data', () => socket.end())
      return closed(socket)
    },
  },
  {
    name: 'paused and resumed',
    run: t => {
      const socket = tls.connect(t.options())
      t.watch(socket)
      socket.pause()
      socket.on('secureConnect', () => {
        socket.write('word')
        setTimeout(() => {
          t.note(`paused: ${socket.isPaused()}`, 'paused')
          socket.on('data', () => socket.end())
          socket.resume()
        }, 30)
      })
      return closed(socket)
    },
  },
  {
    name: 'readable and read()',
    run: t => {
      const socket = tls.connect(t.options())
      t.watch(socket)
      socket.on('secureConnect', () => socket.write('word'))
      socket.on('readable', () => {
        const chunk = socket.read()
        if (chunk) {
          t.note(String(chunk), 'read')
          socket.end()
        }
      })
      return closed(socket)
    },
  },
  {
    name: 'for await',
    run: async t => {
      const socket = tls.connect(t.options())
      socket.write('word')
      for await (const chunk of socket) {
        t.note(String(chunk))
        socket.end()
      }
    },
  },
  {
    name: 'pipeline',
    run: t =>
      new Promise(resolve => {
        const socket = tls.connect(t.options())
        t.watch(socket)
        pipeline(
          async function* () {
            yield 'word'
          },
          socket,
          error => {
            t.note(`pipeline ${error ? describeError(error) : 'done'}`, 'callback')
            resolve()
          },
        )
        socket.resume()
      }),
  },
  {
    name: 'setEncoding and highWaterMark',
    run: t => {
      const socket = tls.connect(t.options({ highWaterMark: 1024 }))
      socket.setEncoding('utf8')
      return t.talk(socket)
    },
  },
  {
    name: 'onread',
    run: t => {
      const socket = tls.connect(
        t.options({
          onread: {
            buffer: Buffer.alloc(64),
            callback(length, buffer) {
              t.note(buffer.toString('utf8', 0, length), 'onread')
              socket.end()
              return true
            },
          },
        }),
      )
      t.watch(socket)
      socket.on('secureConnect', () => socket.write('word'))
      return closed(socket)
    },
  },
  {
    name: 'setMaxSendFragment()',
    run: t => {
      const socket = tls.connect(t.options())
      socket.on('secureConnect', () => {
        for (const size of [512, 100, 20_000]) {
          try {
            t.note(`${size}: ${socket.setMaxSendFragment(size)}`, 'fragment')
          } catch (error) {
            t.note(describeError(error), 'fragment')
          }
        }
      })
      return t.talk(socket, { word: 'x'.repeat(2000) })
    },
  },
  {
    name: 'noDelay, keepAlive, ref and unref',
    run: t => {
      const socket = tls.connect(t.options({ noDelay: true, keepAlive: true, keepAliveInitialDelay: 1000 }))
      for (const method of ['unref', 'ref', 'setNoDelay', 'setKeepAlive']) {
        t.note(`${method} ${socket[method]() === socket}`, 'methods')
      }
      return t.talk(socket)
    },
  },
]
