/** Sessions in the hands of the caller. */
import { constants } from 'node:crypto'
import { once } from 'node:events'
import net from 'node:net'
import tls from 'node:tls'
import { describe, describeError } from '../recorder.mjs'

export const sessions = [
  {
    name: 'session from the event',
    run: async t => {
      const socket = tls.connect(t.options({ session: t.kept.session }))
      socket.on('session', session => {
        t.kept.session = session
      })
      await t.talk(socket)
    },
  },
  {
    name: 'session from getSession()',
    run: async t => {
      const socket = tls.connect(t.options({ session: t.kept.session }))
      socket.on('data', () => {
        t.kept.session = socket.getSession()
      })
      await t.talk(socket)
    },
  },
  {
    name: 'session from getSession() to another port',
    server: async t => {
      const ticketKeys = Buffer.alloc(48, 7)
      const sessionIdContext = 'both'
      await t.echo({ ticketKeys, sessionIdContext })
      const other = await t.echo({ ticketKeys, sessionIdContext })
      t.kept.otherPort = other.address().port
    },
    run: async t => {
      let session
      const control = tls.connect(t.options())
      control.on('data', () => {
        session = control.getSession()
      })
      await t.talk(control)
      const data = tls.connect(t.options({ port: t.kept.otherPort, session }))
      await t.talk(data, { label: 'data' })
    },
  },
  {
    name: 'session that is no session',
    run: t => t.talk(tls.connect(t.options({ session: Buffer.from('no session') }))),
  },
  {
    name: 'session with a check of its own',
    run: async t => {
      const socket = tls.connect(t.options({ session: t.kept.session, checkServerIdentity: () => undefined }))
      socket.on('session', session => {
        t.kept.session = session
      })
      await t.talk(socket)
    },
  },
  {
    name: 'session with requestOCSP',
    run: async t => {
      const socket = tls.connect(t.options({ session: t.kept.session, requestOCSP: true }))
      socket.on('session', session => {
        t.kept.session = session
      })
      await t.talk(socket)
    },
  },
  {
    name: 'session over a given socket',
    run: async t => {
      const given = net.connect(t.port)
      await once(given, 'connect')
      const socket = tls.connect({
        socket: given,
        ca: t.pki.root,
        session: t.kept.session,
        servername: 'localhost',
      })
      socket.on('session', session => {
        t.kept.session = session
      })
      await t.talk(socket)
    },
  },
  {
    name: 'setSession() right after connect',
    run: async t => {
      const socket = tls.connect(t.options())
      if (t.kept.session) socket.setSession(t.kept.session)
      socket.on('session', session => {
        t.kept.session = session
      })
      await t.talk(socket)
    },
  },
  {
    name: 'setSession() in a connect listener',
    run: async t => {
      const socket = tls.connect(t.options())
      socket.on('connect', () => {
        if (t.kept.session) socket.setSession(t.kept.session)
      })
      socket.on('session', session => {
        t.kept.session = session
      })
      await t.talk(socket)
    },
  },
  {
    name: 'setSession() with wrong arguments',
    run: async t => {
      const socket = tls.connect(t.options())
      for (const wrong of [undefined, null, 5, {}]) {
        try {
          socket.setSession(wrong)
          t.note(`${wrong} is accepted`, 'setSession')
        } catch (error) {
          t.note(describeError(error), 'setSession')
        }
      }
      await t.talk(socket)
    },
  },
  {
    name: 'setSession() and getSession() after close',
    run: async t => {
      const socket = await t.talk(tls.connect(t.options({ session: t.kept.session })))
      for (const call of [
        'getSession',
        'setSession',
        'isSessionReused',
        'getPeerCertificate',
        'getProtocol',
      ]) {
        try {
          t.note(`${call} ${describe(socket[call](Buffer.alloc(8)))}`, 'calls')
        } catch (error) {
          t.note(`${call} throws ${describeError(error)}`, 'calls')
        }
      }
    },
  },
  {
    name: 'server without sessions',
    server: t => t.echo({ secureOptions: constants.SSL_OP_NO_TICKET, sessionTimeout: 1 }),
    run: t => t.talk(tls.connect(t.options())),
  },
]
