/** Clients of Node.js over TLS. */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import http2 from 'node:http2'
import https from 'node:https'
import net from 'node:net'
import tls from 'node:tls'
import { describeError } from '../recorder.mjs'
import { closed, sleep } from '../world.mjs'

export const clients = [
  {
    name: 'https.get()',
    server: t => t.web(),
    run: t => t.outcome(t.body(https.get(t.options({ path: '/a', agent: false })))),
  },
  {
    name: 'https.get() through the global agent',
    server: t => t.web(),
    run: async t => {
      const request = https.get(t.options({ path: '/a', headers: { connection: 'close' } }))
      request.on('socket', socket => t.watch(socket))
      await t.outcome(t.body(request), 'body')
    },
  },
  {
    name: 'https.Agent with keepAlive',
    server: t => t.web(),
    run: async t => {
      const agent = new https.Agent({ keepAlive: true, ca: t.pki.root })
      for (const path of ['/a', '/b']) {
        const request = https.get({ host: 'localhost', port: t.port, path, agent })
        request.on('socket', () => t.note(`${path} reusedSocket ${request.reusedSocket}`, 'agent'))
        await t.outcome(t.body(request), 'body')
      }
      agent.destroy()
    },
  },
  {
    name: 'https.Agent without its cache',
    server: t => t.web(),
    run: async t => {
      const agent = new https.Agent({ maxCachedSessions: 0, ca: t.pki.root })
      await t.outcome(t.body(https.get({ host: 'localhost', port: t.port, path: '/a', agent })), 'body')
      t.note(`${agent.totalSocketCount} ${Object.keys(agent.sockets)}`.replace(/\d{4,5}/, ''))
      agent.destroy()
    },
  },
  {
    name: 'https.Agent that overrides createConnection',
    server: t => t.web(),
    run: async t => {
      class Mine extends https.Agent {
        createConnection(options, callback) {
          t.note(`createConnection ${typeof callback} ${options.servername}`, 'agent')
          return super.createConnection(options, callback)
        }
      }
      const agent = new Mine({ ca: t.pki.root })
      await t.outcome(t.body(https.get({ host: 'localhost', port: t.port, path: '/a', agent })), 'body')
      agent.destroy()
    },
  },
  {
    name: 'https.request({ session })',
    server: t => t.web(),
    run: async t => {
      const agent = new https.Agent({ ca: t.pki.root, maxCachedSessions: 0 })
      const request = https.get({
        host: 'localhost',
        port: t.port,
        path: '/a',
        agent,
        session: t.kept.session,
      })
      request.on('socket', socket => {
        t.watch(socket).on('session', session => {
          t.kept.session = session
        })
      })
      await t.outcome(t.body(request), 'body')
      agent.destroy()
      await sleep(10)
    },
  },
  {
    name: 'https.Agent whose server changes its ticket keys',
    server: async t => {
      t.kept.server = await t.web()
    },
    run: async t => {
      const agent = new https.Agent({ ca: t.pki.root })
      for (let i = 0; i < 4; i++) {
        if (i === 2) t.kept.server.setTicketKeys(randomBytes(48))
        const request = https.get({ host: 'localhost', port: t.port, path: '/a', agent })
        let socket
        request.on('socket', given => {
          socket = t.watch(given, `request ${i}`)
        })
        await t.outcome(t.body(request), 'body')
        await closed(socket)
      }
      agent.destroy()
    },
  },
  {
    name: 'https.request() with a wrong name',
    server: t => t.web(t.pki.otherName),
    run: t => t.outcome(t.body(https.get(t.options({ path: '/', agent: false })))),
  },
  {
    name: 'https.request() that is destroyed',
    server: t => t.web(),
    run: async t => {
      const request = https.get(t.options({ path: '/', agent: false }))
      request.on('socket', () => request.destroy())
      await t.outcome(t.body(request))
    },
  },
  {
    name: 'https.request() with an aborted signal',
    server: t => t.web(),
    run: t =>
      t.outcome(t.body(https.get(t.options({ path: '/', agent: false, signal: AbortSignal.abort() })))),
  },
  {
    name: 'https.request() with a timeout',
    server: async t => {
      await t.listen(net.createServer(socket => socket.on('error', () => {}).resume()))
    },
    run: t => {
      const request = https.get(t.options({ path: '/', agent: false, timeout: 80 }))
      request.on('timeout', () => request.destroy(new Error('timed out')))
      return t.outcome(t.body(request))
    },
  },
  {
    name: 'http2.connect()',
    server: t => t.web2(),
    run: t => overHttp2(t, http2.connect(`https://localhost:${t.port}`, { ca: t.pki.root })),
  },
  {
    name: 'http2.connect() with createConnection',
    server: t => t.web2(),
    run: t =>
      overHttp2(
        t,
        http2.connect(`https://localhost:${t.port}`, {
          createConnection: () => tls.connect(t.options({ ALPNProtocols: ['h2'] })),
        }),
      ),
  },
  {
    name: 'http2.connect() to an address',
    server: t => t.web2(),
    run: t => overHttp2(t, http2.connect(`https://127.0.0.1:${t.port}`, { ca: t.pki.root })),
  },
  {
    name: 'http2.connect() with an aborted signal',
    server: t => t.web2(),
    run: async t => {
      t.ignoreClients()
      const session = http2.connect(`https://localhost:${t.port}`, {
        ca: t.pki.root,
        signal: AbortSignal.abort(),
      })
      session.on('error', error => t.note(describeError(error)))
      await Promise.race([closeOf(session), sleep(200)])
      await sleep(20)
    },
  },
  {
    name: 'http2.connect() that is destroyed at once',
    server: t => t.web2(),
    run: async t => {
      const session = http2.connect(`https://localhost:${t.port}`, { ca: t.pki.root })
      session.on('error', error => t.note(describeError(error)))
      session.destroy()
      await Promise.race([closeOf(session), sleep(200)])
    },
  },
  {
    name: 'http2.connect() to a server without h2',
    server: t => t.web(),
    run: async t => {
      const session = http2.connect(`https://localhost:${t.port}`, { ca: t.pki.root })
      session.on('error', error => t.note(describeError(error)))
      await Promise.race([closeOf(session), sleep(300)])
    },
  },
  {
    name: 'fetch()',
    server: t => t.web(),
    run: t =>
      t.outcome(
        fetch(`https://localhost:${t.port}/a`, { headers: { connection: 'close' } }).then(response =>
          response.text(),
        ),
      ),
  },
  {
    name: 'fetch() with an aborted signal',
    server: t => t.web(),
    run: t => t.outcome(fetch(`https://localhost:${t.port}/a`, { signal: AbortSignal.abort() })),
  },
  {
    name: 'fetch() with a signal that is aborted soon',
    server: t => t.web(),
    run: t => {
      t.ignoreClients()
      const controller = new AbortController()
      setImmediate(() => controller.abort())
      return t.outcome(fetch(`https://localhost:${t.port}/a`, { signal: controller.signal }))
    },
  },
  {
    name: 'fetch() of a wrong name',
    server: t => t.web(t.pki.otherName),
    run: t => t.outcome(fetch(`https://localhost:${t.port}/a`)),
  },
]

/** Unlike `once`, it does not reject on an error that comes before. */
function closeOf(session) {
  return new Promise(resolve => session.on('close', resolve))
}

async function overHttp2(t, session) {
  t.watch(session.socket?.listenerCount ? session.socket : session, 'session socket')
  session.on('error', error => t.note(`session ${describeError(error)}`, 'session'))
  session.on('connect', (_session, socket) =>
    t.note(`connect ${socket.alpnProtocol} ${socket.servername}`, 'session'),
  )
  const stream = session.request({ ':path': '/a' })
  stream.setEncoding('utf8')
  let text = ''
  stream.on('data', chunk => {
    text += chunk
  })
  await Promise.race([once(stream, 'end'), once(session, 'close')]).catch(error =>
    t.note(describeError(error), 'session'),
  )
  t.note(
    `${text} ${session.alpnProtocol} ${session.encrypted} ${session.originSet}`.replace(/\d{4,5}/, '<port>'),
    'session',
  )
  session.close()
  await Promise.race([closeOf(session), sleep(500)])
}
