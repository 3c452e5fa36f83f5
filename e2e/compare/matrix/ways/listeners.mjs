/** Listeners and the like. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { once } from 'node:events'
import tls from 'node:tls'
import { describe, describeError } from '../recorder.mjs'
import { closed, quietly, sleep } from '../world.mjs'

const ONLY_1_2 = ['TLSv1.2']

export const listeners = [
  {
    name: 'keylog',
    run: t => {
      const socket = tls.connect(t.options())
      socket.on('keylog', () => {})
      return t.talk(socket)
    },
  },
  { name: 'enableTrace false', run: t => t.talk(tls.connect(t.options({ enableTrace: false }))) },
  {
    name: 'listeners and their order',
    run: t => {
      const socket = tls.connect(t.options(), () => t.note('callback', 'order'))
      for (const event of ['connect', 'ready', 'secure', 'secureConnect', 'close']) {
        socket.on(event, () => t.note(event, 'order'))
        socket.prependListener(event, () => t.note(`${event} prepended`, 'order'))
      }
      return t.talk(socket)
    },
  },
  {
    name: 'listener counts through the life of a socket',
    run: t => {
      const count = () =>
        [
          'connect',
          'secure',
          'secureConnect',
          'session',
          'close',
          'end',
          'error',
          'lookup',
          'keylog',
          'timeout',
        ]
          .map(event => `${event} ${socket.listenerCount(event)}`)
          .join()
      const socket = tls.connect(t.options())
      t.note(count(), 'counts')
      for (const event of ['connect', 'secureConnect', 'data', 'end', 'close']) {
        socket.on(event, () => t.note(`${event}: ${count()}`, 'counts'))
      }
      return t.talk(socket)
    },
  },
  {
    name: 'rawListeners and their names',
    run: async t => {
      const socket = tls.connect(t.options())
      for (const event of socket.eventNames()) {
        t.note(
          `${String(event)}: ${socket.rawListeners(event).map(listener => (listener.listener ?? listener).name)}`,
        )
      }
      await quietly(
        t,
        socket.on('secureConnect', () => socket.end()),
      )
    },
  },
  {
    name: 'removeAllListeners() right after connect',
    run: t => {
      const socket = tls.connect(t.options())
      // Node's own listeners of 'end' and 'connect' go as well; what happens then has to be the same.
      for (const event of ['secureConnect', 'session', 'close', 'error']) socket.removeAllListeners(event)
      return t.talk(socket)
    },
  },
  {
    name: 'newListener',
    run: async t => {
      const socket = tls.connect(t.options())
      socket.on('newListener', event => t.note(String(event), 'newListener'))
      await t.talk(socket)
    },
  },
  {
    name: 'events.once()',
    run: async t => {
      const socket = tls.connect(t.options())
      await once(socket, 'secureConnect')
      await t.talk(socket.end())
    },
  },
  {
    name: 'AsyncLocalStorage in listeners',
    run: async t => {
      const storage = new AsyncLocalStorage()
      await storage.run('mine', async () => {
        const socket = tls.connect(t.options(), () => t.note(`callback ${storage.getStore()}`, 'store'))
        for (const event of ['connect', 'secureConnect', 'data', 'close']) {
          socket.on(event, () => t.note(`${event} ${storage.getStore()}`, 'store'))
        }
        await t.talk(socket)
      })
    },
  },
  {
    name: 'listener that throws at secureConnect',
    run: async t => {
      const socket = tls.connect(t.options())
      socket.on('secureConnect', () => {
        setImmediate(() => socket.end())
        throw new Error('from the listener')
      })
      await quietly(t, socket)
    },
  },
  {
    name: 'error without a listener',
    run: async t => {
      const socket = tls.connect(t.options({ ca: t.pki.unknownRoot }))
      await Promise.race([closed(socket), sleep(300)])
    },
  },
  {
    name: 'renegotiation',
    versions: ONLY_1_2,
    run: t => {
      const socket = tls.connect(t.options())
      socket.on('secureConnect', () => {
        const isStarted = socket.renegotiate({}, error =>
          t.note(error ? describeError(error) : 'renegotiated', 'callback'),
        )
        t.note(`started: ${isStarted}`, 'callback')
      })
      return t.talk(socket)
    },
  },
  {
    name: 'renegotiation disabled',
    versions: ONLY_1_2,
    run: t => {
      const socket = tls.connect(t.options())
      socket.on('secureConnect', () => {
        socket.disableRenegotiation()
        t.note(String(socket.renegotiate({}, error => t.note(describe(error), 'callback'))), 'callback')
      })
      return t.talk(socket)
    },
  },
  {
    name: 'subclass by Object.setPrototypeOf',
    run: t => {
      class Mine extends tls.TLSSocket {
        get mine() {
          return true
        }
      }
      const socket = tls.connect(t.options())
      Object.setPrototypeOf(socket, Mine.prototype)
      return t.talk(socket)
    },
  },
]
